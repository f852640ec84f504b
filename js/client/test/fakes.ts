/** A clock that only moves when told, and a network that does what it is told. */

import {
  hostPlatform,
  type Platform,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from "../src/index.js";

/** Lets everything that is ready to run, run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class FakePlatform implements Platform {
  time = 1_000_000;
  chance = 0.5;
  isOnline = true;
  readonly reported: unknown[] = [];
  #timers = new Set<{ at: number; callback: () => void }>();
  #wakers = new Set<() => void>();

  now = (): number => this.time;
  random = (): number => this.chance;
  randomId = (): string => hostPlatform.randomId();
  online = (): boolean => this.isOnline;

  schedule = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = { at: this.time + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  onWake = (callback: () => void): (() => void) => {
    this.#wakers.add(callback);
    return () => this.#wakers.delete(callback);
  };

  report = (error: unknown): void => {
    this.reported.push(error);
  };

  /** How many timers and wake listeners are left: none, when a stream is closed. */
  get pending(): number {
    return this.#timers.size + this.#wakers.size;
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    await settle();
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.time = next.at;
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.time = end;
  }

  /** As somebody who corrects the time: what is scheduled is not moved by it. */
  setBack(milliseconds: number): void {
    this.time -= milliseconds;
    for (const timer of this.#timers) timer.at -= milliseconds;
  }

  async wake(): Promise<void> {
    for (const callback of [...this.#wakers]) callback();
    await settle();
  }
}

type Step = (request: TransportRequest, signal: AbortSignal) => Promise<TransportResponse>;

/** Answers the nth request with the nth step, and remembers what was asked. */
export class ScriptedTransport implements Transport {
  readonly requests: TransportRequest[] = [];
  readonly #steps: Step[];

  constructor(...steps: Step[]) {
    this.#steps = steps;
  }

  open(request: TransportRequest, signal: AbortSignal): Promise<TransportResponse> {
    this.requests.push(request);
    const step = this.#steps.shift();
    if (!step) throw new Error(`No step for request ${this.requests.length}.`);
    return step(request, signal);
  }

  /** Of the nth request. */
  header(index: number, name: string): string | null | undefined {
    return this.requests[index]?.headers.get(name);
  }
}

export interface Head {
  status?: number;
  headers?: Record<string, string>;
}

/** After its chunks a body ends, breaks, or stays open in silence. */
type Ending = "end" | "drop" | "hang";

/** An event stream of these chunks. */
export function streaming(chunks: string[], ending: Ending, head: Head = {}): Step {
  return (request, signal) =>
    Promise.resolve({
      status: head.status ?? 200,
      url: new URL(request.url, "http://server.test").href,
      headers: new Headers({ "Content-Type": "text/event-stream", ...head.headers }),
      body: body(chunks, ending, signal),
    });
}

export function answering(status: number, text = "", headers: Record<string, string> = {}): Step {
  return streaming([text], "end", { status, headers: { "Content-Type": "text/plain", ...headers } });
}

/** The connection cannot be made. */
export const unreachable: Step = () => Promise.reject(new TypeError("fetch failed"));

/** Nobody answers. */
export const mute: Step = (_request, signal) =>
  new Promise((_resolve, reject) => {
    onAbort(signal, reject);
  });

async function* body(
  chunks: string[],
  ending: Ending,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    signal.throwIfAborted();
    yield new TextEncoder().encode(chunk);
  }
  if (ending === "drop") throw new TypeError("terminated");
  if (ending === "hang") await new Promise((_resolve, reject) => {
    onAbort(signal, reject);
  });
}

function onAbort(signal: AbortSignal, reject: (reason: Error) => void): void {
  if (signal.aborted) reject(new DOMException("aborted", "AbortError"));
  signal.addEventListener("abort", () => {
    reject(new DOMException("aborted", "AbortError"));
  });
}

/** An SSE event as text. */
export function sse(id: string, event: string, data: unknown = {}): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
