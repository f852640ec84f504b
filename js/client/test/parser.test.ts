import { describe, expect, test } from "vitest";

import { createParser, TooLarge, type ServerSentEvent } from "../src/index.js";
import { readCases } from "./cases.js";

interface ParserCase {
  name: string;
  why: string;
  input?: string;
  input_base64?: string;
  events: { event: string; data: string; id: string }[];
  last_event_id: string;
  retry: number | null;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const inputOf = ({ input, input_base64 }: ParserCase): Uint8Array =>
  input_base64 === undefined
    ? bytes(input ?? "")
    : Uint8Array.from(Buffer.from(input_base64, "base64"));

function outcome(chunks: readonly Uint8Array[]): Omit<ParserCase, "name" | "why"> {
  const parser = createParser();
  const events = chunks.flatMap((chunk) => parser.feed(chunk));
  parser.end();
  return {
    events: events.map(({ event, data, id }) => ({ event, data, id })),
    last_event_id: parser.lastEventId,
    retry: parser.retryMilliseconds ?? null,
  };
}

describe.each(readCases("parser") as ParserCase[])("$name ($why)", (parserCase) => {
  const input = inputOf(parserCase);
  const { events, last_event_id, retry } = parserCase;
  const expected = { events, last_event_id, retry };

  test("whole", () => {
    expect(outcome([input])).toEqual(expected);
  });

  test("byte by byte, with empty chunks between", () => {
    const chunks = [...input].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array()]);
    expect(outcome(chunks)).toEqual(expected);
  });

  test("at every cut in two", () => {
    for (let cut = 0; cut <= input.length; cut += 1) {
      const chunks = [input.subarray(0, cut), input.subarray(cut)];
      expect(outcome(chunks), `cut at ${cut}`).toEqual(expected);
    }
  });
});

test("tells an id of the event's own from an inherited one", () => {
  const events = createParser().feed(bytes("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"));
  expect(events.map(({ id, identified }) => [id, identified])).toEqual([
    ["1", true],
    ["1", false],
    ["", true],
  ]);
});

test("hands over comments without their colon", () => {
  const comments: string[] = [];
  createParser({ onComment: (text) => comments.push(text) }).feed(bytes(": ping\n:\n:x:y\n"));
  expect(comments).toEqual([" ping", "", "x:y"]);
});

test.each(["end", "reset"] as const)("%s keeps id and retry for the next connection", (over) => {
  const parser = createParser({ lastEventId: "0" });
  expect(parser.lastEventId).toBe("0");
  parser.feed(bytes("retry: 10\nid: 1\ndata: a\n\nid: 2\ndata: lost\r"));
  parser[over]();
  expect(parser.feed(bytes("\n\uFEFFdata: x\n\ndata: b\n\n"))).toMatchObject([
    { data: "b", id: "1" },
  ]);
  parser[over]();
  expect(parser.feed(bytes("\uFEFFdata: c\n\n"))).toMatchObject([{ data: "c", id: "1" }]);
  expect(parser.retryMilliseconds).toBe(10);
});

test("does not keep the caller's buffer", () => {
  const parser = createParser();
  const buffer = bytes("data: a");
  parser.feed(buffer);
  buffer.fill(0);
  expect(parser.feed(bytes("b\n\n"))).toMatchObject([{ data: "ab" }]);
});

describe("limits", () => {
  const limits = { maxLineBytes: 10, maxEventBytes: 8 };
  const feedAll = (text: string, size: number): ServerSentEvent[] => {
    const parser = createParser(limits);
    const input = bytes(text);
    const events: ServerSentEvent[] = [];
    for (let at = 0; at < input.length; at += size) {
      events.push(...parser.feed(input.subarray(at, at + size)));
    }
    parser.feed(new Uint8Array());
    return events;
  };

  test.each([1, 3, 100])("what just fits is read, in pieces of %i", (size) => {
    expect(feedAll("data:12345\n\n", size)).toMatchObject([{ data: "12345" }]);
    expect(feedAll("\uFEFFdata:1234é\n\n".replace("é", "5"), size)).toHaveLength(1);
    expect(feedAll("data:1234\ndata:678\n\n", size)).toMatchObject([{ data: "1234\n678" }]);
  });

  test.each([1, 3, 100])("one byte more is an error, in pieces of %i", (size) => {
    expect(() => feedAll("data:1234é\n\n", size)).toThrow(TooLarge);
    expect(() => feedAll("data:1234\ndata:6789\n\n", size)).toThrow(TooLarge);
    expect(() => feedAll("12345678901", size)).toThrow(TooLarge);
  });

  test("events before the error arrive first, then every call throws until reset", () => {
    const parser = createParser(limits);
    expect(parser.feed(bytes("data:a\n\n12345678901\ndata:b\n\n"))).toMatchObject([{ data: "a" }]);
    expect(() => parser.feed(bytes("data:c\n\n"))).toThrow(TooLarge);
    expect(() => parser.feed(bytes("data:c\n\n"))).toThrow(TooLarge);
    expect(() => {
      parser.end();
    }).toThrow(TooLarge);
    parser.reset();
    expect(parser.feed(bytes("data:d\n\n"))).toMatchObject([{ data: "d" }]);
  });
});

test("a line of 10 MiB dripped in pieces of 256 bytes takes linear time", () => {
  const parser = createParser();
  const piece = new Uint8Array(256).fill(120);
  parser.feed(bytes("data: "));
  const start = performance.now();
  for (let n = 0; n < 40_960; n += 1) parser.feed(piece);
  expect(parser.feed(bytes("\n\n"))[0]?.data).toHaveLength(10 * 1024 * 1024);
  // Some 20 ms. Joining the line at every piece would move 200 GB: far above, anywhere.
  expect(performance.now() - start).toBeLessThan(3000);
});
