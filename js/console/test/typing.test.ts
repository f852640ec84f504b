import { describe, expect, it } from "vitest";

import { isLast, NOTHING, rawLines, typeOn } from "../src/typewriter/typing";

const event = (data: object, id = "e-1") => ({
  event: "message",
  id,
  identified: id !== "",
  data: JSON.stringify(data),
});
const chunk = (char: string, index: number, total: number) =>
  event({ type: "chunk", char, index, total });

describe("typing", () => {
  it("adds character by character, and begins anew at a start", () => {
    const typed = [event({ type: "start" }), chunk("水", 0, 2), chunk("😀", 1, 2)].reduce(
      typeOn,
      NOTHING,
    );
    expect(typed).toMatchObject({ text: "水😀", total: 2, end: "none" });
    expect(typeOn(typed, event({ type: "start" }))).toEqual(NOTHING);
  });

  it.each([
    [{ type: "end", total: 4 }, "ended"],
    [{ type: "end", total: 4, stopped: true }, "stopped"],
    [{ type: "error", message: "No answer." }, "failed"],
  ])("ends with %j as %s", (data, end) => {
    expect(typeOn(NOTHING, event(data)).end).toBe(end);
    expect(isLast(event(data))).toBe(true);
  });

  it("does not end before", () => {
    expect(isLast(chunk("a", 0, 1))).toBe(false);
    expect(isLast({ ...event({}), event: "stream.reset" })).toBe(false);
  });
});

it("shows an event as it was on the wire", () => {
  expect(rawLines(chunk("a", 0, 1))).toBe(
    'id: e-1\ndata: {"type":"chunk","char":"a","index":0,"total":1}',
  );
  expect(rawLines({ ...event({}, ""), event: "stream.reset" })).toBe(
    "event: stream.reset\ndata: {}",
  );
});
