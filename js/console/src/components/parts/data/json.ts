/** Reading and showing JSON of unknown shape. */

/** A value as indented JSON; text as it is, nothing as nothing. */
export function asPrettyJson(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** A value as a short text in a cell or a field. */
export function asCell(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
