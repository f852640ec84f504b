// @vitest-environment jsdom
import type { ServerSentEvent } from "tidewire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref, type EffectScope } from "vue";

import { locked, saveSecret } from "../src/api/secret";
import { useLive, type Live, type LiveOptions } from "../src/api/useLive";
import { FakeServer } from "./fakeServer";

let server: FakeServer;
let scope: EffectScope;
let seen: string[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  scope = effectScope();
  seen = [];
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const settle = () => vi.advanceTimersByTimeAsync(1);

function live(options: Partial<LiveOptions> = {}): Live {
  const onEvent = ({ event, data }: ServerSentEvent) => seen.push(`${event} ${data}`);
  const shown = scope.run(() => useLive({ url: () => "api/x", onEvent, ...options }));
  if (!shown) throw new Error("no scope");
  return shown;
}

function look(state: DocumentVisibilityState): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

it("tells what comes, and goes on behind it after a loss", async () => {
  const onOpen = vi.fn();
  const { connection } = live({ onOpen });
  await settle();
  server.streams[0]?.send("sample", 1, "a-1");
  await settle();
  expect(connection.value.state).toBe("open");
  server.streams[0]?.drop();
  await settle();
  expect(connection.value.state).toBe("reconnecting");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(server.streams[1]?.asked.headers.get("Last-Event-ID")).toBe("a-1");
  server.streams[1]?.send("sample", 2, "a-2");
  await settle();
  expect(seen).toEqual(["sample 1", "sample 2"]);
  expect(onOpen).toHaveBeenCalledTimes(2);
});

it("begins where it is told to, and not before it may", async () => {
  const url = ref<string | null>(null);
  live({ url: () => url.value, cursor: () => "a-9" });
  await settle();
  expect(server.streams).toHaveLength(0);
  url.value = "api/y";
  await settle();
  expect(server.streams[0]?.asked.headers.get("Last-Event-ID")).toBe("a-9");
});

it("leaves one stream for another", async () => {
  const url = ref("api/x");
  live({ url: () => url.value });
  await settle();
  server.streams[0]?.send("sample", 1, "a-1");
  await settle();
  url.value = "api/y";
  await nextTick();
  await settle();
  expect(server.streams.map(({ asked, isLeft }) => [asked.path, isLeft])).toEqual([
    ["/api/x", true],
    ["/api/y", false],
  ]);
  expect(server.streams[1]?.asked.headers.has("Last-Event-ID")).toBe(false);
});

it("rests while nobody looks, and catches up", async () => {
  live({ restsHidden: true });
  await settle();
  server.streams[0]?.send("sample", 1, "a-1");
  await settle();
  look("hidden");
  expect(server.streams[0]?.isLeft).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.streams).toHaveLength(1);
  look("visible");
  await settle();
  expect(server.streams[1]?.asked.headers.get("Last-Event-ID")).toBe("a-1");
});

it("stays while nobody looks, where others see it there", async () => {
  live();
  await settle();
  look("hidden");
  await settle();
  expect(server.streams[0]?.isLeft).toBe(false);
});

it("goes on behind what was seen when a secret is given in the middle", async () => {
  live();
  await settle();
  server.streams[0]?.send("sample", 1, "a-1");
  await settle();
  saveSecret("new");
  await settle();
  expect(server.streams[0]?.isLeft).toBe(true);
  expect(server.streams[1]?.asked.headers.get("Last-Event-ID")).toBe("a-1");
});

it("asks again once the secret is given", async () => {
  const error = { code: "unauthorized", message: "Send the secret.", retryable: false };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ error }, { status: 401 })));
  const { failure } = live();
  await settle();
  expect([locked.value, failure.value?.code]).toEqual([true, "unauthorized"]);
  server = new FakeServer();
  saveSecret("right");
  await settle();
  expect(server.streams[0]?.asked.headers.get("Authorization")).toBe("Bearer right");
  expect([locked.value, failure.value]).toEqual([false, null]);
});

it("says why the server does not give it", async () => {
  const error = { code: "forbidden", message: "You may not read this room.", retryable: false };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ error }, { status: 403 })));
  const { failure } = live();
  await settle();
  expect(failure.value).toEqual(error);
});

it.each([true, false])("asks again when it is looked at again (rests: %s)", async (restsHidden) => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("<h1>Sign in</h1>")));
  const { failure } = live({ restsHidden, cursor: () => "a-9" });
  await settle();
  expect(failure.value?.code).toBe("not_a_stream");
  server = new FakeServer();
  look("hidden");
  look("visible");
  await settle();
  expect(server.streams[0]?.asked.headers.get("Last-Event-ID")).toBe("a-9");
  expect(failure.value).toBeNull();
});
