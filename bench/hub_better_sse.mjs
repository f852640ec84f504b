// A hub as better-sse's documentation shows it: one channel, a session per viewer.
//
//     node hub_better_sse.mjs PORT
//
// A peer of bench/fanout. Its pings are off, so that only deliveries cost. It keeps nothing.

import { createServer } from "node:http";
import { createRequire } from "node:module";

// The package lies in the folder the hub is started in, not beside this file.
const { createChannel, createSession } = createRequire(`${process.cwd()}/`)("better-sse");

const channel = createChannel();

async function publish(request, response) {
  let data = "";
  for await (const part of request.setEncoding("utf8")) data += part;
  channel.broadcast(data, "message");
  response.writeHead(201).end();
}

async function subscribe(request, response) {
  channel.register(await createSession(request, response, { keepAlive: null }));
}

createServer((request, response) =>
  request.method === "POST" ? publish(request, response) : subscribe(request, response),
).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
