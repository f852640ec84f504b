/**
 * Turns text that arrives in bursts into steady typing.
 *
 * Every arrival has a deadline; the typing speed at any moment is the lowest that meets
 * all deadlines. So a burst is spread evenly, a steady stream passes as it comes, and
 * nothing is ever shown later than `maxLagMs` after it arrived. Pure: time is passed in.
 */

export interface Typing {
  /** Characters shown; may be a fraction between frames. */
  readonly shown: number;
  /** Lengths the text had reached, with the time by which that much must be shown. */
  readonly due: readonly Due[];
}

interface Due {
  readonly length: number;
  readonly byMs: number;
}

export const MAX_LAG_MS = 220;

export function startTyping(shown = 0): Typing {
  return { shown, due: [] };
}

/** The text has grown to `length`. */
export function arrive(
  typing: Typing,
  length: number,
  nowMs: number,
  maxLagMs = MAX_LAG_MS,
): Typing {
  const known = typing.due.at(-1)?.length ?? typing.shown;
  if (length <= known) return typing;
  return { ...typing, due: [...typing.due, { length, byMs: nowMs + maxLagMs }] };
}

/** One frame: `elapsedMs` have passed and it is `nowMs`. */
export function advance(typing: Typing, nowMs: number, elapsedMs: number): Typing {
  let overdue = typing.shown;
  let speed = 0;
  for (const { length, byMs } of typing.due) {
    // Time left as it was before this frame: the frame itself is part of what is left.
    const leftMs = byMs - nowMs + elapsedMs;
    if (byMs <= nowMs) overdue = Math.max(overdue, length);
    else speed = Math.max(speed, (length - typing.shown) / leftMs);
  }
  const total = typing.due.at(-1)?.length ?? typing.shown;
  const shown = Math.min(total, Math.max(overdue, typing.shown + speed * elapsedMs));
  return { shown, due: typing.due.filter((due) => due.length > shown) };
}

/** Whether everything that has arrived is shown. */
export function isSettled(typing: Typing): boolean {
  return typing.due.length === 0;
}

/** The shown part of `text`; never ends inside a surrogate pair. */
export function shownText(text: string, typing: Typing): string {
  const end = isSettled(typing) ? text.length : Math.floor(typing.shown);
  const code = text.charCodeAt(end - 1);
  const splitsPair = code >= 0xd800 && code <= 0xdbff;
  return text.slice(0, splitsPair ? end - 1 : end);
}
