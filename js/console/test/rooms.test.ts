// @vitest-environment jsdom
import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, type EffectScope } from "vue";

import { person } from "../src/person";
import { FakeServer } from "./fakeServer";

vi.stubGlobal("matchMedia", () => ({ matches: true }));

const { useRoom } = await import("../src/rooms/useRoom");
const { useSpeaking } = await import("../src/rooms/useSpeaking");
const { useTyping } = await import("../src/rooms/useTyping");
const { default: RoomMessage } = await import("../src/rooms/RoomMessage.vue");
const { default: RoomComposer } = await import("../src/rooms/RoomComposer.vue");
type Entry = import("../src/rooms/model").Entry;

const ROOM = "/api/rooms/lobby";
const ada = { user: "ada", name: "Ada" };

let server: FakeServer;
let scope: EffectScope;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  scope = effectScope();
  server.on(`GET ${ROOM}/presence`, () => ({ people: [ada] }));
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(300);
const message = (id: string, text?: string) => ({ ...ada, id, at: 1_000, ...(text && { text }) });
const texts = (entries: readonly Entry[]) =>
  entries.map((entry) => (entry.kind === "said" ? entry.said.text : entry.kind));

function within<T>(use: () => T): T {
  const used = scope.run(use);
  if (!used) throw new Error("no scope");
  return used;
}

describe("a room", () => {
  it("has its history, and goes on behind it", async () => {
    const page = { messages: [message("1", "one"), message("2")], before: null, cursor: "r-7" };
    server.on(`GET ${ROOM}/messages`, () => page);
    const room = within(() => useRoom("lobby"));
    await settle();
    const [stream] = server.streams;
    expect(stream?.asked.headers.get("Last-Event-ID")).toBe("r-7");
    expect(stream?.asked.query.get("user")).toBe(person.id);
    stream?.send("room.message", message("3", "three"), "r-8");
    stream?.send("stream.reset", { reason: "trimmed" }, "r-9");
    stream?.send("room.deleted", { id: "1", by: "ada", at: 2 }, "r-10");
    await settle();
    expect(texts(room.entries.value)).toEqual([null, null, "three", "reset"]);
    expect(room.hasEarlier.value).toBe(false);
  });

  it("shows what was said earlier when asked, and asks again after a failure", async () => {
    let earlier: () => unknown = () => {
      throw new Error();
    };
    server.on(`GET ${ROOM}/messages`, () =>
      server.of(`GET ${ROOM}/messages`).length === 1
        ? { messages: [message("2", "two")], before: "r-2", cursor: "r-7" }
        : earlier(),
    );
    const room = within(() => useRoom("lobby"));
    await settle();
    await room.showEarlier();
    expect(room.hasEarlier.value).toBe(true);
    earlier = () => ({ messages: [message("1", "one")], before: null, cursor: "r-7" });
    const twice = [room.showEarlier(), room.showEarlier()];
    expect(room.hasEarlier.value).toBe(true);
    await Promise.all(twice);
    expect(texts(room.entries.value)).toEqual(["one", "two"]);
    expect(server.of(`GET ${ROOM}/messages`).at(-1)?.query.get("before")).toBe("r-2");
  });

  it("is entered even where its history cannot be had", async () => {
    server.on(`GET ${ROOM}/messages`, () => {
      throw new Error();
    });
    const room = within(() => useRoom("lobby"));
    await settle();
    server.streams[0]?.send("room.message", message("3", "three"), "r-8");
    await settle();
    expect(texts(room.entries.value)).toEqual(["three"]);
  });

  it("asks once who is here when several come", async () => {
    const room = within(() => useRoom("lobby"));
    await settle();
    const before = server.of(`GET ${ROOM}/presence`).length;
    for (const user of ["b", "c", "d"])
      server.streams[0]?.send("room.joined", { user, name: user });
    await settle();
    expect(server.of(`GET ${ROOM}/presence`)).toHaveLength(before + 1);
    expect(room.people.value).toEqual([ada]);
  });
});

describe("typing", () => {
  it("holds for a while, or until something is said", () => {
    const { typing, hint, forget } = within(useTyping);
    hint(ada);
    hint({ user: "bo", name: "Bo" });
    hint({ user: person.id, name: "me" });
    expect(typing.value.map(({ name }) => name)).toEqual(["Ada", "Bo"]);
    forget("bo");
    expect(typing.value).toEqual([ada]);
    vi.advanceTimersByTime(4_000);
    hint(ada);
    vi.advanceTimersByTime(4_000);
    expect(typing.value).toEqual([ada]);
    vi.advanceTimersByTime(1_001);
    expect(typing.value).toEqual([]);
  });

  it("is hinted at now and then, not at every letter", async () => {
    const { typing } = within(() => useSpeaking(() => "lobby"));
    for (let letter = 0; letter < 10; letter += 1) typing();
    await vi.advanceTimersByTimeAsync(3_000);
    typing();
    expect(server.of(`POST ${ROOM}/typing`)).toHaveLength(2);
  });
});

describe("speaking", () => {
  const keys = () =>
    server.of(`POST ${ROOM}/messages`).map(({ headers }) => headers.get("Idempotency-Key"));

  it("says the same after a failure under the same key, and anything else under its own", async () => {
    let isBroken = true;
    server.on(`POST ${ROOM}/messages`, () => {
      if (isBroken) throw new Error();
      return { id: "1" };
    });
    const { send, problem } = within(() => useSpeaking(() => "lobby"));
    expect(await send("hello")).toBe(false);
    expect(problem.value).toContain("It is broken.");
    isBroken = false;
    expect(await send("hello")).toBe(true);
    expect(problem.value).toBe("");
    expect(await send("hello")).toBe(true);
    const [first, again, next] = keys();
    expect(first).toBe(again);
    expect(next).not.toBe(first);
  });
});

describe("taking back", () => {
  it("says why it did not work, until it does", async () => {
    server.on(`DELETE ${ROOM}/messages/a%2F1`, () => {
      throw new Error();
    });
    const { takeBack, problem } = within(() => useSpeaking(() => "lobby"));
    await takeBack("a/1");
    expect(problem.value).toBe("Not deleted. It is broken.");
    server.on(`DELETE ${ROOM}/messages/a%2F1`, () => null);
    await takeBack("a/1");
    expect(problem.value).toBe("");
  });
});

describe("RoomMessage", () => {
  const shown = (said: object, isOwn = true) =>
    mount(RoomMessage, {
      props: {
        row: { kind: "said", key: "1", continues: false, isOwn, said: { ...message("1"), ...said } },
      } as InstanceType<typeof RoomMessage>["$props"],
      attachTo: document.body,
    });

  it("can be taken back by who said it, as long as it is there", () => {
    const has = (...parts: Parameters<typeof shown>) =>
      shown(...parts).find("[data-testid=room-remove]").exists();
    expect(has({ text: "mine" })).toBe(true);
    expect(has({ text: "another's" }, false)).toBe(false);
    expect(has({ text: null })).toBe(false);
  });

  it("is asked about first, and keeps the focus whatever the answer", async () => {
    const one = shown({ text: "mine" });
    await one.get("[data-testid=room-remove]").trigger("click");
    expect(document.activeElement).toBe(one.get("[data-testid=keep]").element);
    await one.get("[role=alertdialog]").trigger("keydown", { key: "Escape" });
    await flushPromises();
    expect(document.activeElement).toBe(one.get("[data-testid=room-remove]").element);
    expect(one.emitted("remove")).toBeUndefined();
    await one.get("[data-testid=room-remove]").trigger("click");
    await one.get("[data-testid=confirm-remove]").trigger("click");
    expect(one.emitted("remove")).toHaveLength(1);
    expect(document.activeElement).toBe(one.element);
  });
});

describe("RoomComposer", () => {
  it("sends what is written, and hints that something is", async () => {
    const composer = mount(RoomComposer, { props: { room: "lobby" } });
    await composer.get("textarea").setValue(" 你好 ");
    await composer.get("textarea").trigger("keydown", { key: "Enter" });
    expect(composer.emitted("send")).toEqual([["你好"]]);
    expect(composer.emitted("typing")).toHaveLength(1);
  });

  it("gives back what could not be sent, before what was typed since", async () => {
    const composer = mount(RoomComposer, { props: { room: "lobby" } });
    await composer.get("textarea").setValue("second");
    composer.vm.giveBack("first");
    await flushPromises();
    expect(composer.get("textarea").element.value).toBe("first\nsecond");
  });
});
