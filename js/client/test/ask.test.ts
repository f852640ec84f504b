/** Questions to a real server over real sockets. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  ask,
  hostPlatform,
  resume,
  stopRun,
  type AnswerMessage,
  type Platform,
} from "../src/index.js";
import { AnswerServer } from "./server.js";

const TEXT = "Tokens that arrive – 令牌抵达 👋🏽 – \r\n whole: ".repeat(12);

/** Waits are not waited, the watchdog's silence is. */
const eager: Platform = { ...hostPlatform, random: () => 0 };

let server: AnswerServer;
let baseUrl: string;

beforeEach(async () => {
  server = new AnswerServer(TEXT);
  baseUrl = await server.start();
});

afterEach(() => server.stop());

const textOf = ({ parts }: AnswerMessage): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("");

/** Repeatable chance: a linear congruential generator. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("an answer", () => {
  test("arrives as events and as a message", async () => {
    const onRun = vi.fn();
    const updates: AnswerMessage[] = [];
    const answer = ask(baseUrl, { message: "hi", onRun, onUpdate: (next) => updates.push(next) });
    const events: string[] = [];
    for await (const { event } of answer) events.push(event);
    expect(new Set(events)).toEqual(
      new Set(["run.started", "text.start", "text.delta", "text.end", "run.finished"]),
    );
    expect(onRun.mock.calls).toEqual([["r1"]]);
    expect(answer.run).toBe("r1");
    expect(textOf(answer.message)).toBe(TEXT);
    expect(answer.message.status).toBe("finished");
    expect(updates.at(-1)).toBe(answer.message);
    expect(updates).toHaveLength(events.length);
  });

  test("is whole after 50 cuts at random bytes, and was begun once", async () => {
    const roll = dice(7);
    // Some before the head, some before the first event, most in the middle of one.
    server.cuts.push(-1, -1, 0, 5, ...Array.from({ length: 46 }, () => roll(220)));
    const ids: string[] = [];
    const answer = ask(baseUrl, { message: "hi", platform: eager, onUpdate: () => undefined });
    const { subscribe } = answer; // as useSyncExternalStore takes it: without its object
    subscribe(() => ids.push(answer.lastEventId));
    expect(await answer.closed).toEqual({ name: "closed", reason: "ended" });
    expect(server.cuts).toEqual([]);
    expect(server.begun).toBe(1);
    expect(textOf(answer.message)).toBe(TEXT);
    const offsets = [...new Set(ids)].map((id) => parseInt(id.split("-")[1] ?? "0", 36));
    expect(offsets).toEqual(offsets.map((_, index) => index + (offsets[0] ?? 0)));
  });

  test("of many at once, each cut up to ten times, is the same text", async () => {
    const roll = dice(11);
    server.cuts.push(...Array.from({ length: 100 }, () => roll(2000)));
    const answers = Array.from({ length: 20 }, () =>
      ask(baseUrl, { message: "hi", platform: eager }),
    );
    await Promise.all(answers.map(({ closed }) => closed));
    expect(answers.map(({ message }) => textOf(message))).toEqual(answers.map(() => TEXT));
    expect(server.begun).toBe(20);
  });

  test("goes on elsewhere from its cursor and its message", async () => {
    const half = ask(baseUrl, {
      message: "hi",
      onUpdate: (message) => {
        if (textOf(message).length > 100) half.close();
      },
    });
    await half.closed;
    const { message, lastEventId: cursor } = half;
    expect(textOf(message).length).toBeLessThan(110);
    const rest = resume(baseUrl, "r1", { cursor, message });
    expect((await rest.closed).reason).toBe("ended");
    expect(textOf(rest.message)).toBe(TEXT);
    expect(rest.message.status).toBe("finished");
  });

  test("gives its loop nothing more after it was left", async () => {
    const answer = ask(baseUrl, { message: "hi", onUpdate: () => undefined });
    const events: string[] = [];
    server.hold = true;
    for await (const { event } of answer) {
      events.push(event);
      answer.close();
    }
    expect(events).toEqual(["run.started"]);
  });

  test("is read again from its start", async () => {
    const answer = ask(baseUrl, { message: "hi" });
    await answer.closed;
    const again = resume(`${baseUrl}/`, "r1");
    expect(again.run).toBe("r1");
    await again.closed;
    expect(again.message).toEqual(answer.message);
  });

  test("that does not exist is refused", async () => {
    const answer = resume(baseUrl, "nothing");
    const loop = answer[Symbol.asyncIterator]();
    await expect(loop.next()).rejects.toMatchObject({ status: 404, code: "not_found" });
    expect(await loop.next()).toMatchObject({ done: true });
  });
});

describe("stop", () => {
  test("waits for the run, asks once, and leaves the stream to end by itself", async () => {
    const answer = ask(baseUrl, { message: "hi" });
    await Promise.all([answer.stop(), answer.stop()]);
    await answer.stop();
    expect(server.stopped).toEqual(["r1"]);
    expect((await answer.closed).reason).toBe("ended");
  });

  test("takes the server's address with a slash at its end", async () => {
    await expect(stopRun(`${baseUrl}/`, "nothing")).rejects.toMatchObject({ status: 404 });
    expect(server.stopped).toEqual(["nothing"]);
  });

  test("that was refused says so and may be called again", async () => {
    const answer = resume(baseUrl, "nothing");
    await expect(answer.stop()).rejects.toMatchObject({ status: 404 });
    await expect(answer.stop()).rejects.toMatchObject({ status: 404 });
    expect(server.stopped).toEqual(["nothing", "nothing"]);
  });

  test("of what never began does nothing", async () => {
    const answer = ask(baseUrl, { message: "hi" });
    answer.close();
    await answer.stop();
    expect(server.stopped).toEqual([]);
    expect(server.begun).toBe(0);
  });

  test("that reaches nobody says so", async () => {
    const answer = resume("http://127.0.0.1:1", "r1");
    await expect(answer.stop()).rejects.toMatchObject({ code: "connection_lost" });
    answer.close();
  });

  test("is not what leaving does", async () => {
    server.hold = true;
    const answer = ask(baseUrl, { message: "hi" });
    for await (const { event } of answer) if (event === "text.delta") break;
    expect(answer.state).toEqual({ name: "closed", reason: "aborted" });
    expect(server.stopped).toEqual([]);
  });
});
