import { expect, test } from "vitest";

import { InvalidCursor, readCursor, writeCursor, type Position } from "../src/index.js";
import { readCases } from "./cases.js";

interface CursorCases {
  valid: { text: string; positions: Position[] }[];
  changed: { text: string; positions: Position[] }[];
  invalid: string[];
}

const cases = readCases("cursor") as CursorCases;

test.each(cases.valid)("$text is read and written", ({ text, positions }) => {
  expect(readCursor(text)).toEqual(positions);
  expect(writeCursor(positions)).toBe(text);
});

test.each(cases.changed)("$text is of a changed set", ({ text, positions }) => {
  expect(readCursor(text)).toEqual(positions);
  expect(`${writeCursor(positions)}.~`).toBe(text);
});

test.each(cases.invalid)("%j is refused", (text) => {
  expect(() => readCursor(text)).toThrow(InvalidCursor);
});

test("a cursor of any length that a server could not have written is refused", () => {
  const long = Array.from({ length: 1000 }, (_, n) => `e${n}-1`).join(".");
  expect(() => readCursor(long)).toThrow(InvalidCursor);
});
