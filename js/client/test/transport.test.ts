/** fetch as a transport, against a real server. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, expect, test, vi } from "vitest";

import { fetchTransport, openStream } from "../src/index.js";

let server: Server | undefined;

async function serve(listener: RequestListener): Promise<string> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
}

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

const get = (url: string) => ({ url, method: "GET", headers: new Headers() });

test("gives head and bytes, and sends what it is told to", async () => {
  const url = await serve(({ method, headers }, response) => {
    const seen = [method, headers["x-a"], headers["cache-control"]].join(" ");
    response.writeHead(201, { "X-Seen": seen });
    response.end("bytes");
  });
  const request = { url, method: "PUT", headers: new Headers({ "X-A": "1" }), body: "{}" };
  const response = await fetchTransport().open(request, new AbortController().signal);
  expect(response.status).toBe(201);
  expect(response.url).toBe(url);
  expect(response.headers.get("x-seen")).toBe("PUT 1 no-cache");
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body) text += decoder.decode(bytes);
  expect(text).toBe("bytes");
});

test("leaving the body closes the connection", async () => {
  const closed = vi.fn();
  const url = await serve((_request, response) => {
    response.on("close", closed);
    response.write("first");
  });
  const { body } = await fetchTransport().open(get(url), new AbortController().signal);
  for await (const bytes of body) {
    expect(bytes).toHaveLength(5);
    break;
  }
  await vi.waitFor(() => {
    expect(closed).toHaveBeenCalledTimes(1);
  });
});

test("an aborted signal rejects head and body", async () => {
  const url = await serve((_request, response) => response.write("first"));
  const abort = new AbortController();
  const { body } = await fetchTransport().open(get(url), abort.signal);
  const bytes = body[Symbol.asyncIterator]();
  await bytes.next();
  abort.abort();
  await expect(bytes.next()).rejects.toThrow();
  await expect(fetchTransport().open(get(url), abort.signal)).rejects.toThrow();
});

test("a redirect is not followed, so nothing is carried to where it points", async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.url);
    response.writeHead(307, { Location: "/elsewhere" }).end();
  });
  const { reason, error } = await openStream(url, { body: "{}" }).closed;
  expect(reason).toBe("refused");
  expect(error?.message).toBe("The server redirects elsewhere.");
  expect(asked).toEqual(["/"]);
});

test("a fetch of one's own is used", async () => {
  const fetch = vi.fn(() => Promise.resolve(new Response(null, { status: 204 })));
  const { reason } = await openStream("/relative", { transport: fetchTransport(fetch) }).closed;
  expect(reason).toBe("ended");
  expect(fetch).toHaveBeenCalledWith("/relative", expect.objectContaining({ cache: "no-store" }));
});

test("a fetch that cannot read streams, as React Native's, is no use to try again", async () => {
  const headers = new Headers({ "Content-Type": "text/event-stream" });
  const fetch = vi.fn(() => Promise.resolve({ status: 200, headers } as Response));
  const { reason, error } = await openStream("/", { transport: fetchTransport(fetch) }).closed;
  expect(reason).toBe("gaveUp");
  expect(error).toMatchObject({ code: "no_streams", retryable: false });
});
