/**
 * The geometry of a line over time. Pure.
 *
 * A time without samples is a gap and is never drawn over. More points than can be seen
 * are thinned to their means, the same for every redraw of the same moment.
 */

export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A box of `WIDTH` × `HEIGHT` that is stretched to fit. */
export const WIDTH = 300;
export const HEIGHT = 100;

/** Longer than this between two samples, and there is something missing. */
const GAP_SECONDS = 7;
const SHORTEST_SECONDS = 60;

/** What is shown: the last `seconds`, or as much of them as there are samples for. */
export function spanOf(points: readonly { readonly at: number }[], seconds: number): Span {
  const to = points.at(-1)?.at ?? 0;
  const first = points.find(({ at }) => at >= to - seconds)?.at ?? to;
  return { from: Math.min(first, to - SHORTEST_SECONDS), to };
}

/** The points within a span, cut where there is a gap. */
export function segments(points: readonly Point[], { from, to }: Span): Point[][] {
  const cut: Point[][] = [];
  let before = -Infinity;
  for (const point of points) {
    if (point.at < from || point.at > to) continue;
    if (point.at - before > GAP_SECONDS) cut.push([]);
    cut.at(-1)?.push(point);
    before = point.at;
  }
  return cut;
}

/** One point for each slot of time that has some: their mean, at its mean time. */
export function thin(points: readonly Point[], slotSeconds: number): Point[] {
  const slots = new Map<number, Point[]>();
  for (const point of points) {
    const slot = Math.floor(point.at / slotSeconds);
    const members = slots.get(slot);
    if (members) members.push(point);
    else slots.set(slot, [point]);
  }
  return [...slots.values()].map((members) => ({
    at: mean(members.map(({ at }) => at)),
    value: mean(members.map(({ value }) => value)),
  }));
}

/** The next of 1, 2, 5, 10, 20, 50 … of a unit; for sizes the units are 1024 apart. */
export function niceCeiling(value: number, base: 1000 | 1024 = 1000): number {
  const positive = Math.max(value, Number.MIN_VALUE);
  const level = Math.max(0, Math.floor(Math.log2(positive) / 10));
  const unit = base === 1024 ? 1024 ** level : 1;
  const power = 10 ** Math.floor(Math.log10(positive / unit));
  const step = [1, 2, 5, 10].find((factor) => factor * power * unit >= positive) ?? 10;
  const nice = step * power;
  // A thousand of a size is nearly one of the next unit.
  return (base === 1024 && nice >= 1000 ? 1024 : nice) * unit;
}

/** An SVG path through the points; a lone point is a short dash. */
export function linePath(points: readonly Point[], span: Span, ceiling: number): string {
  const places = points.map(({ at, value }) => {
    const y = HEIGHT - (Math.min(value, ceiling) / ceiling) * HEIGHT;
    return `${round(xOf(at, span))} ${round(y)}`;
  });
  return places.length === 1 ? `M${places[0] ?? ""}h1` : `M${places.join("L")}`;
}

/** The same, closed along the ground. */
export function areaPath(points: readonly Point[], span: Span, ceiling: number): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return "";
  const right = round(xOf(last.at, span));
  const left = round(xOf(first.at, span));
  return `${linePath(points, span, ceiling)}L${right} ${HEIGHT}L${left} ${HEIGHT}Z`;
}

export function xOf(at: number, { from, to }: Span): number {
  return ((at - from) / (to - from)) * WIDTH;
}

/** What is nearest to a time, if it is near enough to speak for it. */
export function nearestTo<T extends { readonly at: number }>(
  points: readonly T[],
  at: number,
  slackSeconds: number,
): T | null {
  const distance = (point: T) => Math.abs(point.at - at);
  const [first, ...others] = points.filter((point) => distance(point) <= slackSeconds);
  if (!first) return null;
  return others.reduce((best, point) => (distance(point) < distance(best) ? point : best), first);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
