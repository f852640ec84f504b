/** A real server that speaks the native dialect, over real sockets that it can cut. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { readCursor, writeCursor } from "../src/index.js";
import { sse } from "./fakes.js";

interface Run {
  readonly log: string[];
}

export class AnswerServer {
  /** How many answers were begun: one a question, however often it was asked. */
  begun = 0;
  readonly stopped: string[] = [];
  /** How many bytes of each response are sent before its socket is cut; none: all of them. */
  readonly cuts: number[] = [];
  /** Whether the last event is kept back, as by a run that goes on. */
  hold = false;
  readonly #text: string;
  readonly #runs = new Map<string, Run>();
  readonly #keys = new Map<string, string>();
  readonly #server: Server;

  constructor(text: string) {
    this.#text = text;
    this.#server = createServer((request, response) => {
      this.#serve(request, response);
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://server");
    const [, , room, run = ""] = url.pathname.split("/");
    if (room === "chat") this.#read(this.#begin(request), request, response);
    else if (room === "streams") this.#read(run, request, response);
    else this.#stop(run, response);
  }

  #begin(request: IncomingMessage): string {
    const key = String(request.headers["idempotency-key"]);
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    this.begun += 1;
    const run = `r${this.begun}`;
    this.#keys.set(key, run);
    this.#runs.set(run, { log: answerLog(run, this.#text) });
    return run;
  }

  #read(run: string, request: IncomingMessage, response: ServerResponse): void {
    const log = this.#runs.get(run)?.log;
    if (!log) {
      response.writeHead(404).end('{"error":{"code":"not_found","message":"No such run."}}');
      return;
    }
    const cursor = request.headers["last-event-id"];
    const seen = cursor === undefined ? 0 : (readCursor(String(cursor))[0]?.offset ?? 0);
    if (seen === log.length) {
      response.writeHead(204).end();
      return;
    }
    const events = log.slice(seen, this.hold ? -1 : undefined);
    this.#send(`: tidewire\n${events.join("")}`, run, response);
  }

  #send(text: string, run: string, response: ServerResponse): void {
    const bytes = Buffer.from(text);
    const cut = this.cuts.shift() ?? bytes.length;
    if (cut < 0) {
      response.destroy();
      return;
    }
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      Location: `/api/streams/${run}`,
      "X-Run-Id": run,
    });
    if (this.hold) response.write(bytes);
    else if (cut >= bytes.length) response.end(bytes);
    else response.write(bytes.subarray(0, cut), () => response.destroy());
  }

  #stop(run: string, response: ServerResponse): void {
    this.stopped.push(run);
    response.writeHead(this.#runs.has(run) ? 202 : 404).end();
  }
}

function answerLog(run: string, text: string): string[] {
  const deltas = (text.match(/.{1,3}/gsu) ?? []).map((delta) => [
    "text.delta",
    { part: "t", delta },
  ]);
  const events = [
    ["run.started", { run }],
    ["text.start", { part: "t" }],
    ...deltas,
    ["text.end", { part: "t" }],
    ["run.finished", {}],
  ] as [string, unknown][];
  return events.map(([event, data], index) => {
    const cursor = writeCursor([{ epoch: "Epoch1", offset: index + 1, within: 0 }]);
    return sse(cursor, event, data);
  });
}
