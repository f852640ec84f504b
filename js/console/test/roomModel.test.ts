import { describe, expect, it } from "vitest";

import {
  hueOf,
  inOrder,
  isRoomName,
  rowsOf,
  withoutText,
  type Entry,
  type Said,
} from "../src/rooms/model";

const NOON = new Date(2026, 4, 9, 12).getTime() / 1000;
const DAY = 86_400;

let count = 0;
function said(user: string, at: number, text = "hello"): Entry {
  count += 1;
  const message: Said = { id: `m${count}`, user, name: user.toUpperCase(), text, at };
  return { kind: "said", said: message };
}
const reset: Entry = { kind: "reset", id: "reset-1" };
const shape = (entries: Entry[]) =>
  rowsOf(entries, "me").map((row) =>
    row.kind === "said"
      ? `${row.said.user}${row.continues ? "+" : ""}${row.isOwn ? "!" : ""}`
      : row.kind,
  );

describe("rows", () => {
  it("begin every day with a line", () => {
    expect(shape([said("a", NOON), said("a", NOON + DAY), said("b", NOON + DAY + 1)])).toEqual([
      "day",
      "a",
      "day",
      "a",
      "b",
    ]);
  });

  it("go on what the same person said just before", () => {
    const entries = [
      said("a", NOON),
      said("a", NOON + 10),
      said("me", NOON + 20),
      said("a", NOON + 30),
    ];
    expect(shape([...entries, said("a", NOON + 330)])).toEqual(["day", "a", "a+", "me!", "a", "a"]);
  });

  it("say where something is missing, without a second line for the day", () => {
    const entries = [said("a", NOON), reset, said("a", NOON + 1), said("a", NOON + DAY)];
    expect(shape(entries)).toEqual(["day", "a", "reset", "a", "day", "a"]);
    expect(shape([reset, said("a", NOON)])).toEqual(["reset", "day", "a"]);
  });

  it("have keys of their own", () => {
    const rows = rowsOf([said("a", NOON), reset, said("a", NOON + DAY)], "me");
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  });
});

it("takes the text of one removed message only", () => {
  const entries = [said("a", NOON, "one"), said("a", NOON, "two")];
  const [first] = entries;
  const id = first?.kind === "said" ? first.said.id : "";
  const texts = withoutText(entries, id).map((one) => (one.kind === "said" ? one.said.text : ""));
  expect(texts).toEqual([null, "two"]);
});

it("names oneself first, then the others by name", () => {
  const people = ["zoe", "me", "Ada"].map((user) => ({ user, name: user }));
  expect(inOrder(people, "me").map(({ user }) => user)).toEqual(["me", "Ada", "zoe"]);
});

it("gives a person one colour", () => {
  expect(hueOf("ada")).toBe(hueOf("ada"));
  expect(hueOf("ada")).not.toBe(hueOf("bo"));
  expect(hueOf("小波😀")).toBeLessThan(360);
});

it.each([
  ["lobby", true],
  ["港口-1", true],
  ["a.b@c~d+e_f", true],
  ["", false],
  ["-lobby", false],
  ["two words", false],
  ["a:b", false],
  ["a/b", false],
  ["x".repeat(101), false],
])("takes %j as a room's name: %s", (name, isOne) => {
  expect(isRoomName(name)).toBe(isOne);
});
