/** Channels: whose event is whose, on one connection and over several. */

import { afterEach, expect, test } from "vitest";

import { subscribe, type ChannelEvent, type ChannelStream } from "../src/index.js";
import { FakePlatform, ScriptedTransport, settle, sse, streaming } from "./fakes.js";

let stream: ChannelStream | undefined;

afterEach(() => {
  stream?.close();
});

const place = (name: string, cursor: string) => ({ stream: name, cursor, resumed: false });
const OPEN = sse("a-0.b-0", "stream.open", {
  connection: "c1",
  streams: [place("news", "a-0"), place("weather", "b-0")],
});

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
  return { seen, platform };
}

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
