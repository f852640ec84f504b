import { describe, expect, it } from "vitest";

import { advance, arrive, isSettled, shownText, startTyping } from "../src/answer/smoothing";

const FRAME_MS = 16;
const LAG_MS = 200;

/** Plays arrivals (time, length) and returns what was shown at each frame. */
function play(arrivals: readonly (readonly [number, number])[], untilMs: number) {
  const frames: { nowMs: number; shown: number }[] = [];
  let typing = startTyping();
  let next = 0;
  for (let nowMs = 0; nowMs <= untilMs; nowMs += FRAME_MS) {
    for (let due = arrivals[next]; due && due[0] <= nowMs; due = arrivals[(next += 1)]) {
      typing = arrive(typing, due[1], due[0], LAG_MS);
    }
    typing = advance(typing, nowMs, FRAME_MS);
    frames.push({ nowMs, shown: Math.floor(typing.shown) });
  }
  return { frames, typing };
}

describe("smoothing", () => {
  it("spreads a burst evenly over the time it may lag", () => {
    const { frames } = play([[0, 200]], 400);
    const steps = frames.slice(1, 12).map(({ shown }, at) => shown - (frames[at]?.shown ?? 0));
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(2);
    expect(frames[6]?.shown).toBeLessThan(120);
  });

  it("never shows anything later than the lag after it arrived", () => {
    // Bursts of odd sizes at odd times, some of them large and close together.
    const arrivals = Array.from(
      { length: 60 },
      (_, at) => [at * 37 + (at % 7) * 5, (at + 1) ** 2] as const,
    );
    const { frames } = play(arrivals, 3000);
    for (const [atMs, length] of arrivals) {
      const due = frames.find(({ nowMs }) => nowMs >= atMs + LAG_MS);
      expect(due?.shown).toBeGreaterThanOrEqual(length);
    }
  });

  it("only ever goes forward and settles at the end", () => {
    const { frames, typing } = play(
      [
        [0, 10],
        [50, 400],
        [60, 401],
      ],
      600,
    );
    const shown = frames.map((frame) => frame.shown);
    expect(shown).toEqual(shown.toSorted((a, b) => a - b));
    expect(isSettled(typing)).toBe(true);
    expect(typing.shown).toBe(401);
  });

  it("makes up for a long pause between frames in one step", () => {
    const typing = advance(arrive(startTyping(), 500, 0, LAG_MS), 5000, 5000);
    expect(typing.shown).toBe(500);
  });

  it("never ends inside a surrogate pair", () => {
    const text = "a🌊b";
    const half = { ...arrive(startTyping(), text.length, 0), shown: 2 };
    expect(shownText(text, half)).toBe("a");
    expect(shownText(text, { ...half, shown: 3 })).toBe("a🌊");
  });
});
