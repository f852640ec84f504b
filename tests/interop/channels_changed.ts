// Changes what is read while it is read, and between connections: channels_changed.ts URL

import { subscribe } from "../../js/client/src/index.ts";

const [server = ""] = process.argv.slice(2);
const seen: string[] = [];
const connections = new Set<string>();
let arrived = (): void => undefined;

const stream = subscribe(server, ["a"], {
  from: "start",
  retry: { baseMilliseconds: 10, capMilliseconds: 50 },
  onEvent({ channel, event, data }) {
    if (event === "stream.open") {
      connections.add((JSON.parse(data) as { connection: string }).connection);
    } else seen.push(`${channel ?? "?"} ${data}`);
    arrived();
  },
});

async function count(events: number): Promise<void> {
  while (seen.length < events) await new Promise<void>((resolve) => (arrived = resolve));
}

async function call(method: string, path: string, body?: string): Promise<Response> {
  const response = await fetch(`${server}/api/${path}`, { method, ...(body && { body }) });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

async function publish(...events: string[]): Promise<void> {
  for (const event of events) {
    const [channel = "", data] = event.split(" ");
    await call("POST", `channels/${channel}`, data);
  }
}

/** Everybody's connection ends, and what is published then is missed until the next. */
async function sendAway(): Promise<void> {
  const told = (await (await call("GET", "connections")).json()) as {
    connections: { connection: string }[];
  };
  for (const { connection } of told.connections) await call("DELETE", `connections/${connection}`);
}

await publish("a 0", "b old");
await count(1);
await stream.add("b", "c");
await publish("c 0", "b 0");
await count(3);
await stream.add("d");
await sendAway();
await publish("d 0", "b 1", "a 1", "c 1");
await count(7);
await stream.remove("a");
await publish("a unread", "b 2");
await count(8);
await sendAway();
await stream.add("a");
await publish("a 2", "d 1");
await count(10);
const refused = await stream.add("-no-").catch((error: unknown) => String(error));
await publish("a 3");
await count(11);
stream.close();
console.log(JSON.stringify({ seen, channels: stream.channels, connections: connections.size, refused }));
