/** The state machine, with a clock and a network that do as they are told. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  openStream,
  Refused,
  TooLarge,
  type ClosedState,
  type EventStream,
  type ServerSentEvent,
  type StreamOptions,
  type StreamState,
} from "../src/index.js";
import {
  answering,
  FakePlatform,
  mute,
  ScriptedTransport,
  settle,
  sse,
  streaming,
  unreachable,
} from "./fakes.js";

const URL = "http://server.test/api/chat";
const FINISHED = sse("e-z", "run.finished");

let platform: FakePlatform;
let states: StreamState[];
let events: string[];
let closes: ClosedState[];

beforeEach(() => {
  platform = new FakePlatform();
  states = [];
  events = [];
  closes = [];
});

/** Every stream of a test ends: nothing it scheduled or listened for may be left. */
afterEach(() => {
  expect(platform.pending).toBe(0);
  expect(closes).toHaveLength(1);
});

function open(transport: ScriptedTransport, options: StreamOptions = {}): EventStream {
  return openStream(URL, {
    platform,
    transport,
    onStateChange: (state) => states.push(state),
    onEvent: ({ id, event }) => events.push(`${event} ${id}`),
    onClose: (state) => closes.push(state),
    ...options,
  });
}

const names = () => states.map(({ name }) => name);
const last = () => states.at(-1);

describe("a stream that goes well", () => {
  test("is idle, connecting, open and closed, and delivers in order", async () => {
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "text.delta"), FINISHED], "hang"),
    );
    const onOpen = vi.fn();
    const stream = open(transport, { onOpen });
    expect(stream.state.name).toBe("idle");
    expect(transport.requests).toEqual([]);
    await settle();
    expect(names()).toEqual(["connecting", "open", "closed"]);
    expect(events).toEqual(["text.delta e-1", "run.finished e-z"]);
    expect(closes).toEqual([{ name: "closed", reason: "ended" }]);
    expect(await stream.closed).toBe(stream.state);
    expect(stream.lastEventId).toBe("e-z");
    expect(onOpen).toHaveBeenCalledTimes(1);
    expect(transport.header(0, "Accept")).toBe("text/event-stream");
    expect(transport.header(0, "Last-Event-ID")).toBeNull();
  });

  test("ends at 204", async () => {
    open(new ScriptedTransport(answering(204)), { lastEventId: "e-9" });
    await settle();
    expect(closes).toEqual([{ name: "closed", reason: "ended" }]);
  });

  test("ends where the application says", async () => {
    const transport = new ScriptedTransport(streaming(["data: [DONE]\n\ndata: x\n\n"], "hang"));
    open(transport, { isTerminal: ({ data }) => data === "[DONE]" });
    await settle();
    expect(events).toEqual(["message "]);
    expect(closes[0]?.reason).toBe("ended");
  });
});

describe("a stream that breaks", () => {
  test.each([
    ["drop", "dropped"],
    ["end", "ended"],
  ] as const)("by %s waits, and resumes after its last event", async (ending, reason) => {
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "a"), sse("e-2", "b"), "id: e-3\ndata: cut"], ending),
      streaming([sse("e-2", "b"), sse("e-3", "c"), FINISHED], "hang"),
    );
    const onOpen = vi.fn();
    open(transport, { onOpen });
    await settle();
    expect(last()).toMatchObject({ name: "waiting", reason, failures: 1 });
    expect(last()).toMatchObject({ retryAt: platform.time + 250 });
    await platform.advance(249);
    expect(transport.requests).toHaveLength(1);
    await platform.advance(1);
    expect(transport.header(1, "Last-Event-ID")).toBe("e-2");
    expect(events).toEqual(["a e-1", "b e-2", "c e-3", "run.finished e-z"]);
    expect(names()).toEqual(["connecting", "open", "waiting", "connecting", "open", "closed"]);
    expect(onOpen).toHaveBeenCalledTimes(1);
  });

  test("begins its waits anew only after an event, not after an open", async () => {
    platform.chance = 0.5;
    const transport = new ScriptedTransport(
      unreachable,
      streaming([": hello\n\n"], "drop"),
      streaming([sse("e-1", "a")], "drop"),
      streaming([FINISHED], "hang"),
    );
    open(transport);
    await settle();
    await platform.advance(250);
    await platform.advance(500);
    await platform.advance(250);
    const failures = states.flatMap((state) => (state.name === "waiting" ? state.failures : []));
    expect(failures).toEqual([1, 2, 1]);
    expect(closes).toHaveLength(1);
  });

  test("does not begin its waits anew because it is told how things stand", async () => {
    const greeting = sse("e-0", "stream.open") + sse("e-1", "stream.reset");
    const transport = new ScriptedTransport(
      streaming([greeting], "drop"),
      streaming([greeting], "drop"),
      streaming([], "hang"),
    );
    const stream = open(transport, { live: true });
    await platform.advance(250);
    expect(last()).toMatchObject({ name: "waiting", failures: 2 });
    stream.close();
  });

  test.each([
    [29_999, 2],
    [30_000, 1],
  ])("after a connection of %i ms without an event has failed %i times", async (lasted, failures) => {
    const transport = new ScriptedTransport(
      unreachable,
      async (request, signal) => ({
        ...(await streaming([], "end")(request, signal)),
        body: droppedAfter(lasted),
      }),
    );
    const stream = open(transport, { live: true });
    await platform.advance(250 + lasted);
    expect(last()).toMatchObject({ name: "waiting", reason: "dropped", failures });
    stream.close();
  });

  // eslint-disable-next-line require-yield
  async function* droppedAfter(milliseconds: number): AsyncGenerator<Uint8Array> {
    await new Promise<void>((resolve) => platform.schedule(milliseconds, resolve));
    throw new TypeError("terminated");
  }

  test("waits for as long as the server's retry: asks", async () => {
    const transport = new ScriptedTransport(
      streaming(["retry: 4000\n\n"], "drop"),
      streaming([FINISHED], "hang"),
    );
    open(transport);
    await platform.advance(4249);
    expect(transport.requests).toHaveLength(1);
    await platform.advance(1);
    expect(closes).toHaveLength(1);
  });

  test("gives up after maxAttempts", async () => {
    open(new ScriptedTransport(unreachable, unreachable), { retry: { maxAttempts: 2 } });
    await platform.advance(60_000);
    expect(closes[0]).toMatchObject({ reason: "gaveUp", error: { code: "connection_lost" } });
  });

  test.each([
    ["while it hangs", [sse("e-1", "a"), "data: long line"], "hang"],
    ["even if that was its last", [`${sse("e-1", "a")}data: long line`], "end"],
  ] as const)("gives up where each connection would find the line: %s", async (_, chunks, end) => {
    const transport = new ScriptedTransport(streaming([...chunks], end));
    open(transport, { limits: { maxLineBytes: 10 } });
    await settle();
    expect(closes[0]?.reason).toBe("gaveUp");
    expect(closes[0]?.error).toBeInstanceOf(TooLarge);
  });
});

describe("silence", () => {
  test("for 45 seconds is the end of a connection; a comment is not silence", async () => {
    const parts = ["id: e-1\ndata: a\n\n", ":\n"];
    const transport = new ScriptedTransport(
      async (request, signal) => ({
        ...(await streaming([], "end")(request, signal)),
        body: paced(parts, 40_000, signal),
      }),
      streaming([FINISHED], "hang"),
    );
    open(transport);
    await platform.advance(40_000 + 40_000 + 44_999);
    expect(last()?.name).toBe("open");
    await platform.advance(1);
    expect(last()).toMatchObject({ name: "waiting", reason: "silent" });
    await platform.advance(250);
    expect(closes).toHaveLength(1);
  });

  test("counts before the head too, and while headers are being made", async () => {
    const headers = vi.fn<() => Promise<Record<string, string>>>();
    headers.mockResolvedValueOnce({}).mockReturnValueOnce(new Promise(() => undefined));
    headers.mockResolvedValueOnce({});
    const transport = new ScriptedTransport(mute, streaming([FINISHED], "hang"));
    open(transport, { silenceSeconds: 10, headers });
    await platform.advance(10_000);
    expect(last()).toMatchObject({ name: "waiting", reason: "silent" });
    await platform.advance(250 + 10_000);
    expect(last()).toMatchObject({ name: "waiting", reason: "silent", failures: 2 });
    await platform.advance(500);
    expect(closes[0]?.reason).toBe("ended");
    expect(headers).toHaveBeenCalledTimes(3);
  });

  test("is looked for at once when a page wakes: timers sleep with the machine", async () => {
    const transport = new ScriptedTransport(streaming([], "hang"), streaming([FINISHED], "hang"));
    open(transport);
    await settle();
    await platform.wake();
    expect(last()?.name).toBe("open");
    platform.time += 3_600_000;
    await platform.wake();
    expect(last()).toMatchObject({ name: "waiting", reason: "silent" });
    await platform.advance(250);
    expect(closes[0]?.reason).toBe("ended");
  });

  test("is found though the clock was set back", async () => {
    const transport = new ScriptedTransport(streaming([], "hang"), streaming([FINISHED], "hang"));
    open(transport);
    await settle();
    platform.setBack(3_600_000);
    await platform.advance(45_000 + 45_000 + 250);
    expect(closes[0]?.reason).toBe("ended");
  });

  async function* paced(parts: string[], milliseconds: number, signal: AbortSignal) {
    for (const part of parts) {
      await new Promise<void>((resolve) => platform.schedule(milliseconds, resolve));
      yield new TextEncoder().encode(part);
    }
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(new Error("aborted"));
      });
    });
  }
});

describe("the network and the page", () => {
  test("coming back end a wait at once", async () => {
    open(new ScriptedTransport(unreachable, streaming([FINISHED], "hang")));
    await settle();
    expect(last()?.name).toBe("waiting");
    await platform.wake();
    expect(closes[0]?.reason).toBe("ended");
  });

  test("coming back do not shorten a wait the server asked for", async () => {
    const transport = new ScriptedTransport(
      answering(429, "", { "Retry-After": "7" }),
      streaming([FINISHED], "hang"),
    );
    open(transport);
    await settle();
    expect(last()).toMatchObject({ reason: "busy", retryAt: platform.time + 7250 });
    await platform.wake();
    expect(transport.requests).toHaveLength(1);
    await platform.advance(7250);
    expect(closes[0]?.reason).toBe("ended");
  });

  test("a time the server asks for is meant by its own clock", async () => {
    const headers = {
      Date: "Wed, 01 Jan 2020 00:00:00 GMT",
      "Retry-After": "Wed, 01 Jan 2020 00:00:07 GMT",
    };
    const transport = new ScriptedTransport(answering(429, "", headers));
    const stream = open(transport);
    await settle();
    expect(last()).toMatchObject({ reason: "busy", retryAt: platform.time + 7250 });
    stream.close();
  });

  test("being away is told, does not count as failure, and is looked at again", async () => {
    platform.isOnline = false;
    const transport = new ScriptedTransport(
      unreachable,
      unreachable,
      streaming([FINISHED], "hang"),
    );
    open(transport, { retry: { maxAttempts: 1 } });
    await settle();
    expect(last()).toMatchObject({ name: "waiting", reason: "offline", failures: 0 });
    await platform.advance(5000);
    expect(transport.requests).toHaveLength(2);
    await platform.wake();
    expect(closes[0]?.reason).toBe("ended");
  });
});

describe("leaving", () => {
  test("before the first turn is over asks for nothing", async () => {
    const transport = new ScriptedTransport();
    open(transport).close();
    await settle();
    expect(names()).toEqual(["closed"]);
    expect(transport.requests).toEqual([]);
  });

  test("by a signal that is already aborted asks for nothing", async () => {
    const transport = new ScriptedTransport();
    const stream = open(transport, { signal: AbortSignal.abort() });
    expect(stream.state.name).toBe("idle");
    await settle();
    expect(closes).toEqual([{ name: "closed", reason: "aborted" }]);
    expect(transport.requests).toEqual([]);
  });

  test("by a signal later aborts the connection", async () => {
    const abort = new AbortController();
    const connection = vi.fn();
    const transport = new ScriptedTransport((request, signal) => {
      signal.addEventListener("abort", connection);
      return streaming([sse("e-1", "a")], "hang")(request, signal);
    });
    open(transport, { signal: abort.signal });
    await settle();
    abort.abort();
    expect(connection).toHaveBeenCalledTimes(1);
    expect(closes).toEqual([{ name: "closed", reason: "aborted" }]);
  });

  test("while waiting ends the wait", async () => {
    const transport = new ScriptedTransport(unreachable);
    const stream = open(transport);
    await settle();
    stream.close();
    expect(platform.pending).toBe(0);
    stream.close();
    await platform.advance(60_000);
    expect(transport.requests).toHaveLength(1);
  });

  test.each(["connecting", "open", "waiting"] as const)("when it is %s", async (name) => {
    const transport = new ScriptedTransport(streaming([sse("e-1", "a")], "drop"));
    const stream = open(transport);
    const seen: string[] = [];
    stream.subscribe((state) => {
      if (state.name === name) stream.close();
    });
    stream.subscribe((state) => seen.push(state.name));
    await platform.advance(60_000);
    expect(last()?.name).toBe("closed");
    expect(seen.at(-1)).toBe("closed");
    expect(seen).not.toContain(name);
    expect(events).toEqual(name === "waiting" ? ["a e-1"] : []);
  });

  test("while its headers are asked for, which then never come", async () => {
    const stream = open(new ScriptedTransport(), {
      headers: () => {
        stream.close();
        return new Promise(() => undefined);
      },
    });
    await settle();
    expect(closes[0]?.reason).toBe("aborted");
  });

  test("delivers nothing more, not even what has arrived", async () => {
    const onReset = vi.fn();
    const chunk = sse("e-1", "a") + sse("e-2", "stream.reset") + FINISHED;
    const stream = open(new ScriptedTransport(streaming([chunk], "hang")), {
      onReset,
      onEvent: ({ event, id }) => {
        events.push(event + id);
        stream.close();
      },
    });
    await settle();
    expect(events).toEqual(["ae-1"]);
    expect(onReset).not.toHaveBeenCalled();
    expect(closes).toEqual([{ name: "closed", reason: "aborted" }]);
    // What was not delivered is not behind the cursor.
    expect(stream.lastEventId).toBe("e-1");
  });
});

describe("a refusal", () => {
  test.each([400, 401, 404, 410, 302, 0])("with status %i is final", async (status) => {
    const transport = new ScriptedTransport(answering(status));
    open(transport);
    await platform.advance(60_000);
    expect(closes[0]).toMatchObject({ reason: "refused", error: { status, code: "refused" } });
    expect(transport.requests).toHaveLength(1);
  });

  test.each(["drop", "hang"] as const)("is final though its body should %s", async (ending) => {
    open(new ScriptedTransport(streaming(['{"err'], ending, { status: 404 })));
    await platform.advance(60_000);
    expect(closes[0]).toMatchObject({ reason: "refused", error: { status: 404 } });
  });

  test("carries what the server says", async () => {
    const error = { code: "upstream_unauthorized", message: "No key.", retryable: false };
    open(new ScriptedTransport(answering(401, JSON.stringify({ error }))));
    await settle();
    expect(closes[0]?.error).toBeInstanceOf(Refused);
    expect(closes[0]?.error).toMatchObject({ ...error, status: 401 });
  });

  test("is a 5xx that says trying again is no use", async () => {
    const error = { code: "config", message: "Broken.", retryable: false };
    open(new ScriptedTransport(answering(500, JSON.stringify({ error }))));
    await settle();
    expect(closes[0]).toMatchObject({ reason: "refused", error });
  });

  test.each(["text/html", "text/event-streams", ""])("is a 200 of type %j", async (type) => {
    const transport = new ScriptedTransport(
      streaming([FINISHED], "hang", { headers: { "Content-Type": type } }),
    );
    open(transport);
    await settle();
    expect(closes[0]).toMatchObject({ reason: "refused", error: { code: "not_a_stream" } });
    expect(events).toEqual([]);
  });

  test("is not a 5xx: that is tried again, ten times", async () => {
    const transport = new ScriptedTransport(...Array.from({ length: 10 }, () => answering(503)));
    open(transport);
    await settle();
    expect(last()).toMatchObject({ name: "waiting", reason: "busy", error: { status: 503 } });
    await platform.advance(600_000);
    expect(transport.requests).toHaveLength(10);
    expect(closes[0]).toMatchObject({ reason: "gaveUp", error: { status: 503 } });
  });
});

describe("a generation", () => {
  const post = { method: "POST", body: '{"message":"hi"}', headers: { Authorization: "Bearer x" } };
  const located = (location: string) => ({ headers: { Location: location } });

  test("that got no answer is asked for again with the same key", async () => {
    const transport = new ScriptedTransport(
      unreachable,
      answering(503),
      streaming([FINISHED], "hang"),
    );
    open(transport, post);
    await platform.advance(60_000);
    expect(transport.requests.map(({ method, body }) => [method, body])).toEqual(
      Array.from({ length: 3 }, () => ["POST", post.body]),
    );
    const keys = transport.requests.map(({ headers }) => headers.get("Idempotency-Key"));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
    expect(transport.header(0, "Content-Type")).toBe("application/json");
  });

  test("that has an address is resumed there by GET, never posted again", async () => {
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "a")], "drop", located("/api/streams/r1")),
      unreachable,
      streaming([FINISHED], "hang"),
    );
    const headers = { ...post.headers, "Content-Type": "application/vnd.test+json" };
    open(transport, { ...post, headers });
    await platform.advance(60_000);
    expect(transport.header(0, "Content-Type")).toBe("application/vnd.test+json");
    const [, ...resumed] = transport.requests;
    expect(resumed).toHaveLength(2);
    for (const request of resumed) {
      expect(request.method).toBe("GET");
      expect(request.url).toBe("http://server.test/api/streams/r1");
      expect(request.body).toBeUndefined();
      expect(Object.fromEntries(request.headers)).toEqual({
        accept: "text/event-stream",
        authorization: "Bearer x",
        "last-event-id": "e-1",
      });
    }
    expect(closes[0]?.reason).toBe("ended");
  });

  test("that broke before its first event is read from its start", async () => {
    const transport = new ScriptedTransport(
      streaming([], "drop", located("/api/streams/r1?dialect=native")),
      streaming([FINISHED], "hang"),
    );
    open(transport, post);
    await platform.advance(60_000);
    expect(transport.requests[1]?.url).toBe(
      "http://server.test/api/streams/r1?dialect=native&from=start",
    );
  });

  test("has its address read without what browsers of 2022 lack", async () => {
    vi.spyOn(globalThis.URL, "canParse").mockImplementation(() => {
      throw new TypeError("URL.canParse is not a function");
    });
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "a")], "drop", located("/api/streams/r1")),
      streaming([FINISHED], "hang"),
    );
    open(transport, post);
    await platform.advance(60_000);
    vi.restoreAllMocks();
    expect(transport.requests[1]?.url).toBe("http://server.test/api/streams/r1");
  });

  test.each([
    ["at another origin", "http://elsewhere.test/api/streams/r1"],
    ["at what is no address", "http://["],
  ])("is never resumed %s", async (_, location) => {
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "a")], "drop", located(location)),
      streaming([FINISHED], "hang"),
    );
    open(transport, post);
    await platform.advance(60_000);
    expect(transport.requests[1]).toMatchObject({ url: URL, method: "POST" });
    expect(transport.header(1, "Last-Event-ID")).toBe("e-1");
    expect(transport.header(1, "Idempotency-Key")).toBe(transport.header(0, "Idempotency-Key"));
  });

  describe.each([
    ["neither address nor ids", post, {}],
    ["an address but no ids", post, located("/api/streams/r1")],
    ["no ids, though asked for with GET", {}, {}],
  ])("with events but %s", (_, how, head) => {
    test("cannot be resumed: all of it would come again", async () => {
      const transport = new ScriptedTransport(streaming(["data: a\n\n"], "drop", head));
      open(transport, how);
      await platform.advance(60_000);
      expect(closes[0]).toMatchObject({ reason: "gaveUp", error: { code: "not_resumable" } });
    });

    test("ends with its connection", async () => {
      const transport = new ScriptedTransport(streaming(["data: a\n\n"], "end", head));
      open(transport, how);
      await platform.advance(60_000);
      expect(closes[0]).toEqual({ name: "closed", reason: "ended" });
    });
  });

  test("asked for with GET sends no key", async () => {
    const transport = new ScriptedTransport(streaming([FINISHED], "hang"));
    open(transport);
    await settle();
    expect(transport.requests[0]).toMatchObject({ method: "GET", url: URL });
    expect(transport.header(0, "Idempotency-Key")).toBeNull();
  });
});

describe("headers", () => {
  test("are made anew for every attempt, and may fail", async () => {
    const headers = vi.fn<() => Promise<Record<string, string>>>();
    headers.mockResolvedValueOnce({ Authorization: "1" }).mockRejectedValueOnce(new Error("down"));
    headers.mockResolvedValueOnce({ Authorization: "3" });
    const transport = new ScriptedTransport(unreachable, streaming([FINISHED], "hang"));
    open(transport, { headers });
    await platform.advance(60_000);
    expect(transport.requests.map((request) => request.headers.get("Authorization"))).toEqual([
      "1",
      "3",
    ]);
    expect(closes[0]?.reason).toBe("ended");
  });

  test("carry an id of any characters as its UTF-8 bytes", async () => {
    const transport = new ScriptedTransport(streaming([FINISHED], "hang"));
    open(transport, { lastEventId: "é" });
    await settle();
    expect(transport.header(0, "Last-Event-ID")).toBe("\u00c3\u00a9");
  });
});

describe("a live stream", () => {
  test("has no last event and goes on after every end", async () => {
    const transport = new ScriptedTransport(
      streaming([FINISHED], "end", { headers: { Location: "/other" } }),
      streaming([sse("e-10", "a")], "hang"),
    );
    const stream = open(transport, { live: true });
    await platform.advance(250);
    expect(events).toEqual(["run.finished e-z", "a e-10"]);
    expect(last()?.name).toBe("open");
    expect(transport.requests[1]?.url).toBe(URL);
    stream.close();
  });
});

test("a live stream that is asked for with POST is asked for again", async () => {
  const transport = new ScriptedTransport(
    streaming(["data: a\n\n"], "end"),
    streaming(["data: b\n\n"], "hang"),
  );
  const stream = open(transport, { live: true, body: "{}" });
  await platform.advance(250);
  expect(transport.requests.map(({ method }) => method)).toEqual(["POST", "POST"]);
  expect(events).toEqual(["message ", "message "]);
  stream.close();
});

describe("stream.reset", () => {
  test("is told, and what comes after it is no repetition", async () => {
    const onReset = vi.fn();
    const reset = sse("f-0", "stream.reset", { reason: "unknown" });
    const transport = new ScriptedTransport(
      streaming([sse("e-1", "a"), reset, sse("e-1", "a"), FINISHED], "hang"),
    );
    open(transport, { onReset });
    await settle();
    expect(onReset).toHaveBeenCalledTimes(1);
    expect(onReset.mock.calls[0]?.[0]).toMatchObject({ data: '{"reason":"unknown"}', id: "f-0" });
    expect(events).toEqual(["a e-1", "stream.reset f-0", "a e-1", "run.finished e-z"]);
  });
});

describe("repetition", () => {
  test("is dropped by an event's own id, not by an inherited or empty one", async () => {
    const chunk = `${sse("e-1", "a")}data: x\n\ndata: y\n\nid\ndata: z\n\nid\ndata: z\n\n`;
    const transport = new ScriptedTransport(streaming([chunk, sse("e-1", "a"), FINISHED], "hang"));
    open(transport);
    await settle();
    expect(events).toEqual([
      "a e-1",
      "message e-1",
      "message e-1",
      "message ",
      "message ",
      "run.finished e-z",
    ]);
  });
});

test("what is remembered of repetition is bounded, oldest first", async () => {
  const many = Array.from({ length: 5000 }, (_, n) => sse(`e-${n}`, "a")).join("");
  const again = sse("e-4999", "recent") + sse("e-0", "long ago");
  open(new ScriptedTransport(streaming([many, again, FINISHED], "hang")));
  await settle();
  expect(events.slice(5000)).toEqual(["long ago e-0", "run.finished e-z"]);
});

describe("an application's errors", () => {
  test("are reported and change nothing", async () => {
    const fail = (): never => {
      throw new Error("mine");
    };
    const stream = open(new ScriptedTransport(streaming([sse("e-1", "a"), FINISHED], "hang")), {
      onOpen: fail,
      onEvent: fail,
    });
    stream.subscribe(fail);
    await settle();
    expect(closes[0]?.reason).toBe("ended");
    expect(platform.reported).toHaveLength(6);
  });
});

describe("a loop", () => {
  const loop = (transport: ScriptedTransport, options: Partial<StreamOptions> = {}) =>
    openStream(URL, { platform, transport, onClose: (state) => closes.push(state), ...options });

  test("gets every event and ends with the stream", async () => {
    const stream = loop(new ScriptedTransport(streaming([sse("e-1", "a") + FINISHED], "hang")));
    for await (const { event } of stream) events.push(event);
    expect(events).toEqual(["a", "run.finished"]);
    expect(stream.state).toEqual({ name: "closed", reason: "ended" });
  });

  test("that is left closes the stream and stands at its last event", async () => {
    const chunk = sse("e-1", "a") + sse("e-2", "b") + sse("e-3", "c");
    const stream = loop(new ScriptedTransport(streaming([chunk], "hang")));
    for await (const { event } of stream) {
      events.push(event);
      if (event === "b") break;
    }
    expect(events).toEqual(["a", "b"]);
    expect(stream.state).toEqual({ name: "closed", reason: "aborted" });
    expect(stream.lastEventId).toBe("e-2");
  });

  test("ends quietly, without what it had not taken, when the stream is closed", async () => {
    const chunk = sse("e-1", "a") + sse("e-2", "b");
    const stream = loop(new ScriptedTransport(streaming([chunk], "hang")));
    for await (const { event } of stream) {
      events.push(event);
      stream.close();
    }
    expect(events).toEqual(["a"]);
  });

  test("throws what the server refused, after what had arrived", async () => {
    const stream = loop(
      new ScriptedTransport(streaming([sse("e-1", "a")], "drop"), answering(410)),
    );
    const reading = (async () => {
      for await (const { event } of stream) events.push(event);
    })();
    const outcome = expect(reading).rejects.toMatchObject({ status: 410 });
    await platform.advance(250);
    await outcome;
    expect(events).toEqual(["a"]);
  });

  test("holds the connection back while it is slow, and is not taken for silence", async () => {
    let sent = 0;
    const transport = new ScriptedTransport(async (request, signal) => ({
      ...(await streaming([], "end")(request, signal)),
      body: endless(),
    }));
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 1;
        yield new TextEncoder().encode(sse(`e-${sent}`, "a"));
        await Promise.resolve();
      }
    }
    const stream = loop(transport);
    await platform.advance(600_000);
    const before = sent;
    expect(before).toBeLessThan(300);
    const iterator = stream[Symbol.asyncIterator]();
    for (let n = 0; n < 100; n += 1) await iterator.next();
    await settle();
    expect(sent).toBeGreaterThan(before);
    await iterator.return?.();
    expect(stream.state.name).toBe("closed");
  });

  test("beside a callback gets what comes later, and the callback's place counts", async () => {
    const all = [sse("e-1", "a"), sse("e-2", "b"), sse("e-3", "c")];
    const stream = loop(new ScriptedTransport(streaming(all, "hang")), {
      onEvent: ({ event }) => {
        events.push(event);
        if (event === "a") iterator = stream[Symbol.asyncIterator]();
      },
    });
    let iterator: AsyncIterator<ServerSentEvent> | undefined;
    await settle();
    expect(events).toEqual(["a", "b", "c"]);
    expect((await iterator?.next())?.value).toMatchObject({ event: "b" });
    expect(stream.lastEventId).toBe("e-3");
    await iterator?.return?.();
  });

  test("is one a stream", async () => {
    const stream = loop(new ScriptedTransport(streaming([FINISHED], "hang")));
    stream[Symbol.asyncIterator]();
    expect(() => stream[Symbol.asyncIterator]()).toThrow(TypeError);
    await settle();
  });
});
