import { expect, test } from "vitest";

import {
  EMPTY_MESSAGE,
  foldAnswer,
  readAnswerEvent,
  type AnswerEvent,
  type AnswerMessage,
} from "../src/index.js";
import { readCases } from "./cases.js";

interface FoldCase {
  name: string;
  events: AnswerEvent[];
  message: AnswerMessage;
}

function freeze<T>(value: T): T {
  Object.values(value as object).forEach((inner: unknown) => {
    if (typeof inner === "object" && inner !== null) freeze(inner);
  });
  return Object.freeze(value);
}

const cases = readCases("fold") as FoldCase[];

test.each(cases)("fold: $name", ({ events, message }) => {
  // Frozen at every step: a fold that changed what it was given would throw.
  const folded = events.reduce((so_far, event) => freeze(foldAnswer(so_far, event)), EMPTY_MESSAGE);
  expect(folded).toStrictEqual(message);
});

test("parts that did not change keep their identity", () => {
  const before = foldAnswer(
    foldAnswer(EMPTY_MESSAGE, { event: "text.delta", data: { part: "1", delta: "a" } }),
    { event: "text.delta", data: { part: "2", delta: "b" } },
  );
  const after = foldAnswer(before, { event: "text.delta", data: { part: "2", delta: "c" } });
  expect(after.parts[0]).toBe(before.parts[0]);
  expect(after.parts[1]).not.toBe(before.parts[1]);
});

const sse = (event: string, data: string) => ({ event, data, id: "", identified: false });

test("reads the events of the vocabulary", () => {
  expect(readAnswerEvent(sse("text.delta", '{"part":"1","delta":"a"}'))).toEqual({
    event: "text.delta",
    data: { part: "1", delta: "a" },
  });
});

test.each([
  sse("message", "{}"),
  sse("toString", "{}"),
  sse("text.delta", "{"),
  sse("text.delta", ""),
  sse("text.delta", "null"),
  sse("text.delta", "1"),
])("$event with data $data is no answer event", (event) => {
  expect(readAnswerEvent(event)).toBeUndefined();
});
