// @vitest-environment jsdom
import { ConnectionLost, Refused } from "tidewire";
import { afterEach, expect, it, vi } from "vitest";

import { call } from "../src/api/http";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const answer = (response: Response) => vi.stubGlobal("fetch", () => Promise.resolve(response));

it("gives what the server answers, or its words", async () => {
  answer(Response.json({ rooms: [] }));
  expect(await call("api/rooms")).toEqual({ rooms: [] });
  answer(new Response(null, { status: 204 }));
  expect(await call("api/rooms")).toBeNull();
  const error = { code: "forbidden", message: "Not yours." };
  answer(Response.json({ error }, { status: 403 }));
  await expect(call("api/rooms")).rejects.toMatchObject({ status: 403, ...error });
  answer(new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await expect(call("api/rooms")).rejects.toBeInstanceOf(Refused);
});

it("tells of an answer that breaks off as of one that does not come", async () => {
  const body = new ReadableStream({ start: (broken) => broken.error(new TypeError("terminated")) });
  answer(new Response(body));
  await expect(call("api/rooms")).rejects.toBeInstanceOf(ConnectionLost);
});

it("takes a page that something in between has sent for no answer", async () => {
  answer(new Response("<h1>Sign in to this network</h1>"));
  await expect(call("api/rooms")).rejects.toBeInstanceOf(ConnectionLost);
});

it("does not wait for ever", async () => {
  const limit = new AbortController();
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
  vi.stubGlobal(
    "fetch",
    (_: string, { signal }: RequestInit) =>
      new Promise((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(new DOMException("", "TimeoutError"))),
      ),
  );
  const asked = call("api/rooms");
  limit.abort();
  await expect(asked).rejects.toBeInstanceOf(ConnectionLost);
  expect(timeout).toHaveBeenCalledWith(30_000);
});
