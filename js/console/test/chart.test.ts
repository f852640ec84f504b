import { describe, expect, it } from "vitest";

import {
  areaPath,
  HEIGHT,
  linePath,
  nearestTo,
  niceCeiling,
  segments,
  spanOf,
  thin,
  WIDTH,
  type Point,
} from "../src/monitor/chart";

const points = (...times: number[]): Point[] => times.map((at) => ({ at, value: at }));

describe("the span", () => {
  it("is the last so many seconds", () => {
    expect(spanOf(points(0, 2, 500, 1000), 300)).toEqual({ from: 940, to: 1000 });
    expect(spanOf(points(0, 700, 800, 1000), 300)).toEqual({ from: 700, to: 1000 });
  });

  it("is no longer than there are samples for, but a minute", () => {
    expect(spanOf(points(1000, 1200), 3600)).toEqual({ from: 1000, to: 1200 });
    expect(spanOf(points(1000), 3600)).toEqual({ from: 940, to: 1000 });
  });
});

describe("segments", () => {
  it("are cut where samples are missing, and at the edges of the span", () => {
    const cut = segments(points(0, 2, 4, 20, 22, 90), { from: 2, to: 60 });
    expect(cut.map((segment) => segment.map(({ at }) => at))).toEqual([
      [2, 4],
      [20, 22],
    ]);
  });

  it("are none without points", () => {
    expect(segments([], { from: 0, to: 10 })).toEqual([]);
  });
});

it("thins to the mean of each slot", () => {
  expect(thin(points(0, 2, 4, 10), 5)).toEqual([
    { at: 2, value: 2 },
    { at: 10, value: 10 },
  ]);
});

it.each<[number, 1000 | 1024, number]>([
  [1, 1000, 1],
  [1.1, 1000, 2],
  [37, 1000, 50],
  [51, 1000, 100],
  [0.03, 1000, 0.05],
  [400, 1024, 500],
  [700, 1024, 1024],
  [1010, 1024, 1024],
  [1025, 1024, 2048],
  [3 * 1024 ** 2, 1024, 5 * 1024 ** 2],
])("rounds the top of a scale up: %d in %d is %d", (value, base, ceiling) => {
  expect(niceCeiling(value, base)).toBeCloseTo(ceiling);
});

describe("paths", () => {
  const span = { from: 0, to: 100 };
  const line = [
    { at: 0, value: 0 },
    { at: 50, value: 5 },
    { at: 100, value: 20 },
  ];

  it("go from the ground up, and never out of the box", () => {
    expect(linePath(line, span, 10)).toBe(`M0 ${HEIGHT}L${WIDTH / 2} 50L${WIDTH} 0`);
    expect(areaPath(line, span, 10)).toMatch(new RegExp(`L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z$`));
  });

  it("show a lone point", () => {
    expect(linePath(line.slice(0, 1), span, 10)).toBe(`M0 ${HEIGHT}h1`);
    expect(areaPath([], span, 10)).toBe("");
  });
});

it("speaks for a time only from nearby", () => {
  expect(nearestTo(points(0, 10, 14), 12.5, 4)?.at).toBe(14);
  expect(nearestTo(points(0, 10, 14), 30, 4)).toBeNull();
});
