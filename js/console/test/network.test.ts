// @vitest-environment jsdom
import { afterEach, expect, it, vi } from "vitest";
import { Refused } from "tidewire";

import { connectionOf, failureOf, network } from "../src/api/network";
import type { Watcher } from "../src/chat/source";

function watcher() {
  const told: unknown[] = [];
  const tell =
    (what: string) =>
    (...values: unknown[]) =>
      told.push([what, ...values]);
  const ended = vi.fn(tell("ended"));
  const spy: Watcher = {
    started: tell("started"),
    update: (message) => tell("update")(message.status, message.parts.length),
    connection: ({ state }) => tell("connection")(state),
    gap: tell("gap"),
    ended,
  };
  return { told, spy, ended };
}

function serve(response: Response) {
  const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.resolve(response));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

afterEach(() => vi.unstubAllGlobals());

const QUESTION = { message: "why?", session: null, model: "demo", key: "key-1" };

it("asks under the turn's key and tells the answer in order", async () => {
  const body = [
    'id: aaaaaa-1\nevent: run.started\ndata: {"run":"run_1","session":"ses_1"}\n\n',
    'id: aaaaaa-2\nevent: stream.reset\ndata: {"reason":"trimmed"}\n\n',
    'id: aaaaaa-3\nevent: text.delta\ndata: {"part":"t","delta":"hi"}\n\n',
    "id: aaaaaa-4\nevent: run.finished\ndata: {}\n\n",
  ].join("");
  const headers = { "Content-Type": "text/event-stream", "X-Run-Id": "run_1" };
  const fetch = serve(new Response(body, { headers }));
  const { told, spy, ended } = watcher();
  network.ask(QUESTION, spy);
  await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
  expect(told).toEqual([
    ["connection", "open"],
    ["started", "run_1"],
    ["update", "streaming", 0],
    ["gap"],
    ["update", "streaming", 1],
    ["update", "finished", 1],
    ["ended", null],
  ]);
  const [, init] = fetch.mock.calls[0] ?? [];
  expect(new Headers(init?.headers).get("Idempotency-Key")).toBe("key-1");
  expect(init?.body).toBe('{"message":"why?","model":"demo"}');
});

it("tells a refused question at once, even where the client would try again", async () => {
  const error = { code: "upstream_rate_limited", message: "Too often.", retryable: true };
  const fetch = serve(Response.json({ error }, { status: 429 }));
  const { told, spy, ended } = watcher();
  network.ask(QUESTION, spy);
  await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
  expect(told.at(-1)).toEqual(["ended", error]);
  expect(fetch).toHaveBeenCalledOnce();
});

it.each([
  [{ name: "open" as const }, { state: "open" }],
  [{ name: "connecting" as const, failures: 0 }, null],
  [
    { name: "connecting" as const, failures: 2 },
    { state: "reconnecting", atMs: 0 },
  ],
  [{ name: "idle" as const }, null],
])("shows %j as %j", (state, connection) => {
  expect(connectionOf(state)).toEqual(connection);
});

it.each([
  ["dropped" as const, { state: "reconnecting", atMs: 5 }],
  ["offline" as const, { state: "offline" }],
])("shows waiting (%s) as %j", (reason, connection) => {
  const error = new Error("lost");
  expect(connectionOf({ name: "waiting", reason, retryAt: 5, failures: 1, error })).toEqual(
    connection,
  );
});

it("says for a person what went wrong", () => {
  expect(failureOf(new Error("ECONNREFUSED")).message).toContain("cannot be reached");
  expect(failureOf(new Refused(410, "gone", "x", false)).message).toContain("no longer has");
  expect(failureOf(new Refused(400, "bad_request", "Too long.", false)).message).toBe("Too long.");
});
