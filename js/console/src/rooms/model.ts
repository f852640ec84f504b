/** The words of a room: what was said, by whom, and how it is laid out. Pure. */

export interface Person {
  readonly user: string;
  readonly name: string;
}

/** One message; `at` in seconds since 1970. */
export interface Said extends Person {
  readonly id: string;
  /** Null once it was removed. */
  readonly text: string | null;
  readonly at: number;
}

/** `reset`: something that was said is missing here. */
export type Entry =
  { readonly kind: "said"; readonly said: Said } | { readonly kind: "reset"; readonly id: string };

export type Row =
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | { readonly kind: "reset"; readonly key: string }
  | {
      readonly kind: "said";
      readonly key: string;
      readonly said: Said;
      readonly isOwn: boolean;
      /** Goes on what the same person said just before: no name, no time. */
      readonly continues: boolean;
    };

const TOGETHER_SECONDS = 300;

/** The text of a message that was removed goes; that there was one stays. */
export function withoutText(entries: readonly Entry[], id: string): Entry[] {
  return entries.map((entry) =>
    entry.kind === "said" && entry.said.id === id
      ? { kind: "said", said: { ...entry.said, text: null } }
      : entry,
  );
}

/** The rows to draw: a line before each new day, and who spoke before what was said. */
export function rowsOf(entries: readonly Entry[], me: string): Row[] {
  const rows: Row[] = [];
  let before: Said | null = null;
  for (const entry of entries) {
    if (entry.kind === "reset") {
      rows.push({ kind: "reset", key: entry.id });
      before = null;
      continue;
    }
    const { said } = entry;
    if (!before || !isSameDay(before.at, said.at)) {
      if (startsDay(rows, said)) rows.push({ kind: "day", key: `day-${said.id}`, at: said.at });
      before = null;
    }
    const continues =
      before !== null && before.user === said.user && said.at - before.at < TOGETHER_SECONDS;
    rows.push({ kind: "said", key: said.id, said, isOwn: said.user === me, continues });
    before = said;
  }
  return rows;
}

export function isSameDay(a: number, b: number): boolean {
  return new Date(a * 1000).toDateString() === new Date(b * 1000).toDateString();
}

/** False after a reset within the same day: the day has its line already. */
function startsDay(rows: readonly Row[], { at }: Said): boolean {
  const last = rows.findLast((row) => row.kind === "said");
  return last?.kind !== "said" || !isSameDay(last.said.at, at);
}

/** People by name, oneself first. */
export function inOrder(people: readonly Person[], me: string): Person[] {
  const rank = ({ user }: Person) => (user === me ? 0 : 1);
  return [...people].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/** A colour for a person, the same wherever they speak: a hue in degrees. */
export function hueOf(user: string): number {
  return Array.from(user).reduce((hash, char) => (hash * 31 + (char.codePointAt(0) ?? 0)) % 360, 7);
}

/** What the server lets a room be called. */
export function isRoomName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.@~+-]{0,99}$/u.test(name);
}
