/** Channels: whose event is whose, on one connection and over several. */

import { afterEach, expect, test } from "vitest";

import { Refused, subscribe, type ChannelEvent, type ChannelStream } from "../src/index.js";
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

let stream: ChannelStream | undefined;

afterEach(() => {
  stream?.close();
});

const place = (name: string, cursor: string) => ({ stream: name, cursor, resumed: false });
const OPEN = sse("a-0.b-0", "stream.open", {
  connection: "c1",
  streams: [place("news", "a-0"), place("weather", "b-0")],
});

/** The same on the connection after it. */
const REOPEN = OPEN.replaceAll("c1", "c2");

function follow(transport: ScriptedTransport) {
  const seen: string[] = [];
  const platform = new FakePlatform();
  const tell = ({ channel, event }: ChannelEvent) => seen.push(`${channel ?? "-"} ${event}`);
  stream = subscribe("http://server.test", ["news", "weather"], {
    transport,
    platform,
    onEvent: tell,
    onReset: (event) => seen.push(`reset ${event.channel ?? "-"}`),
  });
  return { seen, platform, stream };
}

/** How the server says that it has made a change. */
const changed = (...streams: object[]) => answering(200, JSON.stringify({ streams }));

/** Silence makes an end of the connection. */
const SILENCE = 60_000;

test("each event carries the name of its channel", async () => {
  const events = sse("b-1.a-0", "rain") + sse("a-1.b-1", "headline") + "event: hint\ndata: {}\n\n";
  const transport = new ScriptedTransport(streaming([OPEN, events], "hang"));
  const { seen } = follow(transport);
  await settle();
  expect(seen).toEqual(["- stream.open", "weather rain", "news headline", "- hint"]);
  expect(transport.requests[0]?.url).toBe(
    "http://server.test/api/events?channel=news&channel=weather&from=now",
  );
});

test("the server's address may end with a slash", async () => {
  const transport = new ScriptedTransport(mute);
  stream = subscribe("http://server.test/tide/", ["news"], { transport });
  await settle();
  expect(transport.requests[0]?.url).toBe("http://server.test/tide/api/events?channel=news&from=now");
});

test("an event after a resume still has its name, and so has a channel made anew", async () => {
  const reset = sse("c-0.a-1", "stream.reset", {
    stream: "weather",
    reason: "gone",
    cursor: "c-0",
  });
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("a-1.b-0", "one")], "drop"),
    streaming([reset, sse("c-1.a-1", "two"), sse("a-2.c-1", "three")], "hang"),
  );
  const { seen, platform } = follow(transport);
  await platform.advance(1_000);
  expect(transport.header(1, "Last-Event-ID")).toBe("a-1.b-0");
  expect(seen.slice(1)).toEqual([
    "news one",
    "reset weather",
    "weather stream.reset",
    "weather two",
    "news three",
  ]);
});

test("a loop has the names, too, and leaving it leaves the channels", async () => {
  const transport = new ScriptedTransport(streaming([OPEN, sse("b-1.a-0", "rain")], "hang"));
  stream = subscribe("http://server.test", ["news", "weather"], {
    transport,
    platform: new FakePlatform(),
    from: 5,
  });
  for await (const { channel, event } of stream) {
    if (event === "stream.open") continue;
    expect(channel).toBe("weather");
    break;
  }
  expect(stream.lastEventId).toBe("b-1.a-0");
  expect((await stream.closed).reason).toBe("aborted");
  expect(stream.state.name).toBe("closed");
  expect(transport.requests[0]?.url).toContain("from=5");
});

test("every connection says how things stand, though its id is not new", async () => {
  const again = OPEN.replaceAll("a-0", "a-1").replace("c1", "c2");
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("a-1.b-0", "one")], "drop"),
    streaming([again, sse("a-1.b-0", "one"), sse("a-2.b-0", "two")], "hang"),
  );
  const { seen, platform } = follow(transport);
  await platform.advance(1_000);
  expect(seen).toEqual(["- stream.open", "news one", "- stream.open", "news two"]);
});

test("a reset that no longer knows the name of a channel is told with it", async () => {
  const reset = sse("a-0.~", "stream.reset", { stream: "", reason: "gone", cursor: "b-0" });
  const transport = new ScriptedTransport(streaming([OPEN, reset], "hang"));
  const { seen } = follow(transport);
  await settle();
  expect(seen.slice(1)).toEqual(["reset weather", "weather stream.reset"]);
});

test("a channel that is added is read on the open connection, and on the next from its place", async () => {
  const places = [place("news", "a-0"), place("weather", "b-0"), place("storms", "s-4")];
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("a-1.b-0", "one")], "hang"),
    changed(...places),
    streaming([], "hang"),
  );
  const { stream, platform } = follow(transport);
  await stream.add("storms");
  expect(stream.channels).toEqual(["news", "weather", "storms"]);
  const { method, url, body } = transport.requests[1] ?? {};
  expect([method, url]).toEqual(["PATCH", "http://server.test/api/events/c1"]);
  expect(JSON.parse(body ?? "")).toEqual({ add: ["storms"], remove: [] });
  await platform.advance(SILENCE);
  expect(transport.requests[2]?.url).toBe(
    "http://server.test/api/events?channel=news&channel=weather&channel=storms&from=now",
  );
  expect(transport.header(2, "Last-Event-ID")).toBe("a-1.b-0.s-4");
});

test("what came of it before the answer did is not asked for again", async () => {
  const opened = sse("a-0.b-0.s-4.~", "stream.open", {
    connection: "c1",
    streams: [place("news", "a-0"), place("weather", "b-0"), place("storms", "s-4")],
  });
  const transport = new ScriptedTransport(
    streaming([OPEN, opened, sse("s-5.a-0.b-0.~", "gale")], "hang"),
    changed(place("news", "a-0"), place("weather", "b-0"), place("storms", "s-4")),
    streaming([], "hang"),
  );
  const { stream, seen, platform } = follow(transport);
  await stream.add("storms");
  await platform.advance(SILENCE);
  expect(seen.at(-1)).toBe("storms gale");
  expect(transport.header(2, "Last-Event-ID")).toBe("a-0.b-0.s-5");
});

test("one that is read already does not move past what is on its way", async () => {
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("a-1.b-0", "one")], "hang"),
    changed(place("news", "a-9"), place("weather", "b-0"), place("storms", "s-4")),
    streaming([], "hang"),
  );
  const { stream, platform } = follow(transport);
  await stream.add("news", "storms");
  await platform.advance(SILENCE);
  expect(transport.header(2, "Last-Event-ID")).toBe("a-1.b-0.s-4");
});

test("a channel that is removed is asked for no more; added again, it begins then", async () => {
  const opened = sse("a-0", "stream.open", { connection: "c2", streams: [place("news", "a-0")] });
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("b-1.a-0", "rain")], "hang"),
    changed(place("news", "a-0")),
    streaming([opened], "hang"),
    answering(404),
    streaming([REOPEN], "hang"),
  );
  const { stream, platform } = follow(transport);
  await stream.remove("weather");
  await platform.advance(SILENCE);
  expect(transport.requests[2]?.url).toContain("/api/events?channel=news&from=now");
  expect(transport.header(2, "Last-Event-ID")).toBe("a-0");
  await stream.add("weather");
  await settle();
  expect(transport.requests[4]?.url).toContain("channel=news&channel=weather&from=now");
  expect(transport.header(4, "Last-Event-ID")).toBe("a-0");
});

test("a change that the server refuses changes nothing", async () => {
  const refusal = JSON.stringify({ error: { code: "forbidden", message: "Not yours." } });
  const transport = new ScriptedTransport(streaming([OPEN], "hang"), answering(403, refusal));
  const { stream } = follow(transport);
  await expect(stream.add("user:bo")).rejects.toThrow(Refused);
  expect(stream.channels).toEqual(["news", "weather"]);
  expect(stream.state.name).toBe("open");
});

test.each([
  ["does not know the connection", answering(404)],
  ["is not reached", unreachable],
  ["is not well", answering(503)],
  ["does not answer", mute],
])("where the server %s, a new connection is made for the channels", async (_, step) => {
  const transport = new ScriptedTransport(
    streaming([OPEN, sse("a-1.b-0", "one")], "hang"),
    step,
    streaming([REOPEN], "hang"),
  );
  const { stream, platform } = follow(transport);
  const adding = stream.add("storms");
  await platform.advance(step === mute ? 30_000 : 0);
  await adding;
  await settle();
  expect(transport.requests[2]?.url).toContain("channel=storms&from=now");
  expect(transport.header(2, "Last-Event-ID")).toBe("a-1.b-0");
  expect(stream.state.name).toBe("open");
});

test("a change is made when the new connection reads the channels, not before", async () => {
  const transport = new ScriptedTransport(
    streaming([OPEN], "hang"),
    answering(404),
    unreachable,
    streaming([REOPEN], "hang"),
  );
  const { stream, platform } = follow(transport);
  let made = false;
  const adding = stream.add("storms").then(() => (made = true));
  await settle();
  expect([stream.state.name, made]).toEqual(["waiting", false]);
  await platform.advance(1_000);
  await adding;
  expect(stream.state.name).toBe("open");
});

test("what only the new connection is refused for is told where it was asked for", async () => {
  const refusal = JSON.stringify({ error: { code: "forbidden", message: "Not yours." } });
  const transport = new ScriptedTransport(
    streaming([OPEN], "hang"),
    answering(404),
    answering(403, refusal),
  );
  const { stream } = follow(transport);
  await expect(stream.add("user:bo")).rejects.toThrow("Not yours.");
  expect(stream.state).toMatchObject({ name: "closed", reason: "refused" });
});

test("a loop that is behind may wait for a change", async () => {
  const events = Array.from({ length: 300 }, (_, n) => sse(`a-${(n + 1).toString(36)}.b-0`, "one"));
  const transport = new ScriptedTransport(
    streaming([OPEN + events.join("")], "hang"),
    answering(404),
    streaming([REOPEN], "hang"),
  );
  const stream = subscribe("http://server.test", ["news"], { transport });
  for await (const event of stream) {
    if (event.event === "stream.open") await stream.add("storms");
    else break;
  }
  expect(stream.channels).toEqual(["news", "storms"]);
});

test("changes wait for a connection, and for each other", async () => {
  const transport = new ScriptedTransport(
    streaming([OPEN], "drop"),
    streaming([REOPEN], "hang"),
    changed(place("storms", "s-0")),
    changed(place("storms", "s-0")),
  );
  const { stream, platform } = follow(transport);
  await settle();
  expect(stream.state.name).toBe("waiting");
  const changes = Promise.all([stream.add("storms"), stream.remove("news", "weather")]);
  await platform.advance(10_000);
  await changes;
  expect(transport.requests.map(({ method }) => method)).toEqual(["GET", "GET", "PATCH", "PATCH"]);
  expect(transport.requests[2]?.url).toContain("/c2");
  expect(stream.channels).toEqual(["storms"]);
});

test("a connection that goes away with the change is followed by one for the channels", async () => {
  let answer = (): void => undefined;
  const change = changed(place("news", "a-0"), place("weather", "b-0"), place("storms", "s-4"));
  const transport = new ScriptedTransport(
    streaming([OPEN], "hang"),
    (request, signal) =>
      new Promise((resolve) => {
        answer = () => {
          resolve(change(request, signal));
        };
      }),
    streaming([REOPEN], "hang"),
    streaming([REOPEN], "hang"),
  );
  const { stream, platform } = follow(transport);
  await platform.advance(20_000);
  const adding = stream.add("storms");
  await platform.advance(28_000);
  answer();
  await adding;
  await settle();
  const asked = transport.requests.map(({ method, url }) => `${method} ${url.includes("storms")}`);
  expect(asked).toEqual(["GET false", "PATCH false", "GET false", "GET true"]);
  expect(transport.header(3, "Last-Event-ID")).toBe("a-0.b-0.s-4");
});

test("a change of what is closed is none", async () => {
  const transport = new ScriptedTransport(mute);
  const { stream } = follow(transport);
  const adding = stream.add("storms");
  await settle();
  stream.close();
  await adding;
  expect(transport.requests).toHaveLength(1);
});

test("the channels are those of the call, whatever set a cursor was of", async () => {
  const transport = new ScriptedTransport(streaming([OPEN], "hang"));
  stream = subscribe("http://server.test", ["news"], {
    transport,
    platform: new FakePlatform(),
    lastEventId: "a-1.s-2.~",
  });
  await settle();
  expect(transport.header(0, "Last-Event-ID")).toBe("a-1.s-2");
});
