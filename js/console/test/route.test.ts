// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { effectScope, nextTick } from "vue";

import { Shelf } from "../src/chat/shelf";
import { useConversations } from "../src/chat/useConversations";
import { lastVisited, navigate, readHash, route, useChatRoute, writeHash } from "../src/route";
import { FakeSource, finished, started } from "./fakeSource";

beforeEach(() => {
  localStorage.clear();
  navigate({ view: "chat", id: "" });
});

describe("an address", () => {
  it.each([
    ["", "chat", ""],
    ["#/nowhere", "chat", ""],
    ["#/chat/abc", "chat", "abc"],
    ["#/rooms", "rooms", ""],
    ["#/rooms/%E6%B8%AF", "rooms", "港"],
    ["#/rooms/%E6%B8", "rooms", ""],
    ["#/monitor", "monitor", ""],
  ])("%j is %s %j", (hash, view, id) => {
    expect(readHash(hash)).toEqual({ view, id });
  });

  it("reads as it was written", () => {
    const place = { view: "rooms", id: "a/b 港" } as const;
    expect(readHash(writeHash(place))).toEqual(place);
  });
});

it("leads back to where one was in a view", () => {
  navigate({ view: "rooms", id: "lobby" });
  navigate({ view: "monitor", id: "" });
  expect(lastVisited.rooms).toBe("#/rooms/lobby");
  expect(route.value.view).toBe("monitor");
});

describe("the chat's address", () => {
  function open() {
    const source = new FakeSource();
    const conversations = useConversations(source, new Shelf(localStorage));
    effectScope().run(() => useChatRoute(conversations));
    return { source, conversations };
  }

  it("is that of the conversation once it has one, and opens it again", async () => {
    const { source, conversations } = open();
    conversations.ask("hello", null);
    source.tell(started, finished);
    await nextTick();
    const { id } = conversations.current.value;
    expect(location.hash).toBe(`#/chat/${id}`);
    navigate({ view: "chat", id: "" });
    await nextTick();
    expect(conversations.current.value.id).not.toBe(id);
    navigate({ view: "chat", id });
    await nextTick();
    expect(conversations.current.value.id).toBe(id);
  });

  it("leaves the conversation alone while another view is shown", async () => {
    const { source, conversations } = open();
    conversations.ask("hello", null);
    source.tell(started);
    await nextTick();
    const { id } = conversations.current.value;
    navigate({ view: "monitor", id: "" });
    await nextTick();
    expect(conversations.current.value.id).toBe(id);
    conversations.startNew();
    await nextTick();
    expect(location.hash).toBe("#/monitor");
    expect(lastVisited.chat).toBe(`#/chat/${id}`);
  });
});
