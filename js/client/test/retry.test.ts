import { describe, expect, test } from "vitest";

import { readRetryAfter, readStatus, retryDelay, retryPolicy } from "../src/index.js";

const policy = retryPolicy({}, false);
const failure = (attempt: number) => ({ attempt, answered: false });

describe("the wait", () => {
  test.each([
    [1, 500],
    [2, 1000],
    [3, 2000],
    [7, 30_000],
    [5000, 30_000],
  ])("after failure %i is a random part of %i ms", (attempt, window) => {
    expect(retryDelay(policy, failure(attempt), 0)).toBe(0);
    expect(retryDelay(policy, failure(attempt), 0.5)).toBe(window / 2);
    expect(retryDelay(policy, failure(attempt), 0.999)).toBeCloseTo(window * 0.999);
  });

  test("comes after what the server asks for with retry:, up to the cap", () => {
    const asked = (retryMilliseconds: number) =>
      retryDelay(policy, { ...failure(1), retryMilliseconds }, 0.5);
    expect(asked(0)).toBe(250);
    expect(asked(3000)).toBe(3250);
    expect(asked(3_600_000)).toBe(30_250);
  });

  test("comes after Retry-After, up to an hour", () => {
    const asked = (retryAfterMilliseconds: number) =>
      retryDelay(policy, { ...failure(1), answered: true, retryAfterMilliseconds }, 0);
    expect(asked(120_000)).toBe(120_000);
    expect(asked(1e12)).toBe(3_600_000);
  });

  test("takes the longer of the two", () => {
    const both = { ...failure(1), retryMilliseconds: 2000, retryAfterMilliseconds: 1000 };
    expect(retryDelay(policy, both, 0)).toBe(2000);
  });

  test("follows its options", () => {
    const own = retryPolicy({ baseMilliseconds: 10, capMilliseconds: 30 }, false);
    expect([1, 2, 3, 4].map((n) => retryDelay(own, failure(n), 0.5))).toEqual([5, 10, 15, 15]);
  });
});

describe("giving up", () => {
  test("over network trouble: never, unless told", () => {
    expect(retryDelay(policy, failure(1e6), 0)).toBeDefined();
    const three = retryPolicy({ maxAttempts: 3 }, false);
    expect(retryDelay(three, failure(2), 0)).toBeDefined();
    expect(retryDelay(three, failure(3), 0)).toBeUndefined();
  });

  test("over answers: after ten, but never in live mode", () => {
    const answered = (attempt: number) => ({ attempt, answered: true });
    expect(retryDelay(policy, answered(9), 0)).toBeDefined();
    expect(retryDelay(policy, answered(10), 0)).toBeUndefined();
    expect(retryDelay(retryPolicy({}, true), answered(1e6), 0)).toBeDefined();
  });
});

test.each([
  ["open", [200]],
  ["ended", [204]],
  ["retry", [408, 425, 429, 500, 502, 503, 504, 529, 599]],
  ["refused", [0, 201, 206, 301, 302, 307, 400, 401, 403, 404, 409, 410, 413, 422]],
] as const)("%s: %j", (meaning, statuses) => {
  expect(statuses.map(readStatus)).toEqual(statuses.map(() => meaning));
});

test.each([
  [null, undefined],
  ["", undefined],
  ["soon", undefined],
  ["0", 0],
  [" 120 ", 120_000],
  ["Thu, 01 Jan 1970 00:01:00 GMT", 59_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
])("Retry-After %j", (header, milliseconds) => {
  expect(readRetryAfter(header, 1000)).toBe(milliseconds);
});
