/**
 * One stream over as many connections as it takes.
 *
 * Owns the state machine (state.ts): connects, reads, waits and resumes by the last
 * event id until the stream is whole or the application leaves. Its rule: an
 * application sees each event once, in order, and nothing after `close`. It never
 * begins a generation twice (request.ts) and never lets go because a page is hidden.
 */

import { callSafely } from "./callback.js";
import { runConnection, type Failed, type Outcome } from "./connection.js";
import { TidewireError } from "./errors.js";
import type { EventStream, StreamOptions } from "./event-stream.js";
import { createParser, type Parser, type ServerSentEvent } from "./parser.js";
import { hostPlatform, type Platform } from "./platform.js";
import { Queue } from "./queue.js";
import { Requests } from "./request.js";
import { retryDelay, retryPolicy, type RetryPolicy } from "./retry.js";
import { SeenIds } from "./seen.js";
import type { ClosedState, CloseReason, StreamState } from "./state.js";
import { fetchTransport, type Transport, type TransportResponse } from "./transport.js";
import { TERMINAL_EVENTS } from "./vocabulary.js";

/** Browsers can be wrong about being offline, so it is tried all the same. */
const OFFLINE_PROBE_MILLISECONDS = 5_000;

/**
 * Opens a stream and keeps it open.
 *
 * Never throws for what happens on the way: see `state`. It stays `idle` until the
 * current turn is over, so a listener that is added at once misses nothing.
 *
 * An event whose own id was received before is dropped: servers repeat, streams do not.
 */
export function openStream(url: string | URL, options: StreamOptions = {}): EventStream {
  const { live = false, platform = hostPlatform } = options;
  return openOver(new Requests(() => String(url), options, live, platform), options);
}

/** For streams whose requests change on the way; `onReceive` hears of events as they come. */
export function openOver(
  requests: Requests,
  options: StreamOptions,
  onReceive?: (event: ServerSentEvent) => void,
): ChangingStream {
  const stream = new Stream(requests, options, onReceive);
  void stream.run();
  return stream;
}

export interface ChangingStream extends EventStream {
  /** Leaves the connection, if there is one, and makes the next request at once. */
  reconnect(): void;
}

class Stream implements ChangingStream {
  state: StreamState = { name: "idle" };
  lastEventId: string;
  readonly closed: Promise<ClosedState>;

  readonly #options: StreamOptions;
  readonly #platform: Platform;
  readonly #transport: Transport;
  readonly #policy: RetryPolicy;
  readonly #parser: Parser;
  readonly #requests: Requests;
  readonly #onReceive: ((event: ServerSentEvent) => void) | undefined;
  readonly #isTerminal: (event: ServerSentEvent) => boolean;
  readonly #seen = new SeenIds();
  readonly #listeners = new Set<(state: StreamState) => void>();

  #queue: Queue<ServerSentEvent> | undefined;
  #iterated = false;
  #opened = false;
  #openedAt = Infinity; // of this connection
  #received = false;
  #failures = 0;
  #abort = new AbortController();
  #hurries = false;
  #endWait: (() => void) | undefined;
  #resolveClosed: (state: ClosedState) => void = () => undefined;

  constructor(
    requests: Requests,
    options: StreamOptions,
    onReceive?: (event: ServerSentEvent) => void,
  ) {
    const { live = false, lastEventId = "", limits, retry = {} } = options;
    this.lastEventId = lastEventId;
    this.#options = options;
    this.#platform = options.platform ?? hostPlatform;
    this.#transport = options.transport ?? fetchTransport();
    this.#policy = retryPolicy(retry, live);
    this.#parser = createParser({ ...limits, lastEventId });
    this.#requests = requests;
    this.#onReceive = onReceive;
    this.#isTerminal = live ? () => false : (options.isTerminal ?? isAnswerEnd);
    if (!options.onEvent) this.#queue = this.#newQueue();
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    options.signal?.addEventListener("abort", this.close);
  }

  readonly subscribe = (listener: (state: StreamState) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  reconnect(): void {
    this.#hurries = true;
    this.#abort.abort();
  }

  readonly close = (): void => {
    this.#close("aborted");
  };

  [Symbol.asyncIterator](): AsyncIterator<ServerSentEvent, undefined> {
    if (this.#iterated) throw new TypeError("A stream has one loop.");
    this.#iterated = true;
    return (this.#queue ??= this.#newQueue());
  }

  async run(): Promise<void> {
    await Promise.resolve();
    if (this.#options.signal?.aborted) this.close();
    while (!this.#isClosed()) {
      this.#change({ name: "connecting", failures: this.#failures });
      if (this.#isClosed()) return;
      await this.#settle(await this.#connect());
    }
  }

  #connect(): Promise<Outcome> {
    this.#abort = new AbortController();
    this.#hurries = false;
    this.#openedAt = Infinity;
    const parts = {
      transport: this.#transport,
      platform: this.#platform,
      parser: this.#parser,
      silenceMilliseconds: (this.#options.silenceSeconds ?? 45) * 1000,
      abort: this.#abort,
      onOpen: (response: TransportResponse) => {
        this.#open(response);
      },
      onEvents: (events: ServerSentEvent[]) => this.#deliver(events),
    };
    return runConnection(parts, this.#requests.next(this.#parser.lastEventId));
  }

  async #settle(outcome: Outcome): Promise<void> {
    if (outcome.kind === "ended") this.#close("ended");
    else if (outcome.kind === "refused") this.#close("refused", outcome.error);
    else if (outcome.kind === "hopeless") this.#close("gaveUp", outcome.error);
    else if (!this.#received || this.#requests.canContinue(this.#parser.lastEventId)) {
      await this.#recover(outcome);
    } else if (outcome.reason === "ended") this.#close("ended");
    else {
      this.#close("gaveUp", new TidewireError("not_resumable", "The stream broke; it has no ids."));
    }
  }

  /** Waits for the next attempt, or gives up. */
  async #recover(failure: Failed): Promise<void> {
    if (this.#isClosed() || this.#hurries) return;
    const { reason, error } = failure;
    const offline = reason !== "busy" && !this.#platform.online();
    if (reason !== "silent" && this.#hasLasted()) this.#failures = 0;
    if (!offline) this.#failures += 1;
    const delay = offline ? OFFLINE_PROBE_MILLISECONDS : this.#delayAfter(failure);
    if (delay === undefined) {
      this.#close("gaveUp", error);
      return;
    }
    this.#change({
      name: "waiting",
      reason: offline ? "offline" : reason,
      retryAt: this.#platform.now() + delay,
      failures: this.#failures,
      error,
    });
    // What the server asked for is waited, whoever looks at the page.
    await this.#wait(delay, reason !== "busy");
  }

  /** A channel may have nothing to say for as long as its connections live. */
  #hasLasted(): boolean {
    return this.#platform.now() - this.#openedAt >= this.#policy.capMilliseconds;
  }

  #delayAfter({ reason, retryAfterMilliseconds }: Failed): number | undefined {
    const failure = {
      attempt: this.#failures,
      answered: reason === "busy",
      retryMilliseconds: this.#parser.retryMilliseconds,
      retryAfterMilliseconds,
    };
    return retryDelay(this.#policy, failure, this.#platform.random());
  }

  #wait(milliseconds: number, wakeable: boolean): Promise<void> {
    if (this.#isClosed()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer();
        cancelWake?.();
        resolve();
      };
      const cancelTimer = this.#platform.schedule(milliseconds, end);
      const cancelWake = wakeable ? this.#platform.onWake(end) : undefined;
      this.#endWait = end;
    });
  }

  #open(response: TransportResponse): void {
    if (this.#isClosed()) return;
    this.#requests.learn(response);
    this.#openedAt = this.#platform.now();
    this.#change({ name: "open" });
    if (this.#opened || this.#isClosed()) return;
    this.#opened = true;
    this.#call(this.#options.onOpen, response);
  }

  #deliver(events: ServerSentEvent[]): Promise<void> | undefined {
    for (const event of events) {
      if (this.#isClosed()) return undefined;
      if (this.#isNew(event)) this.#deliverOne(event);
    }
    return this.#queue?.full ? this.#queue.room() : undefined;
  }

  #deliverOne(event: ServerSentEvent): void {
    this.#received = true;
    // Each connection may say how things stand, and break off then.
    if (!event.event.startsWith("stream.")) this.#failures = 0;
    this.#onReceive?.(event);
    if (event.event === "stream.reset") this.#call(this.#options.onReset, event);
    if (this.#isClosed()) return;
    this.#queue?.push(event);
    if (this.#options.onEvent) this.lastEventId = event.id;
    this.#call(this.#options.onEvent, event);
    if (this.#isTerminal(event)) this.#close("ended");
  }

  #isNew({ event, id, identified }: ServerSentEvent): boolean {
    // After a reset the server may begin again from the start, with ids already seen.
    if (event === "stream.reset") this.#seen.clear();
    // Each connection says anew how things stand, at an id where the last one may have ended.
    return !identified || id === "" || this.#seen.add(id) || event === "stream.open";
  }

  #close(reason: CloseReason, error?: Error): void {
    if (this.#isClosed()) return;
    const state: ClosedState = { name: "closed", reason, ...(error && { error }) };
    this.#options.signal?.removeEventListener("abort", this.close);
    if (reason === "aborted") this.#queue?.clear();
    this.#queue?.end(error);
    this.#change(state);
    this.#abort.abort();
    this.#endWait?.();
    this.#listeners.clear();
    this.#call(this.#options.onClose, state);
    this.#resolveClosed(state);
  }

  #change(state: StreamState): void {
    this.state = state;
    this.#call(this.#options.onStateChange, state);
    for (const listener of [...this.#listeners]) {
      // One of them may have closed the stream: the others know already.
      if (this.state === state) this.#call(listener, state);
    }
  }

  #call<T>(callback: ((value: T) => void) | undefined, value: T): void {
    callSafely(this.#platform, callback, value);
  }

  #isClosed(): boolean {
    return this.state.name === "closed";
  }

  #newQueue(): Queue<ServerSentEvent> {
    // With a callback the loop is a second reader, and the callback's place counts.
    const onTake = (event: ServerSentEvent): void => {
      if (!this.#options.onEvent) this.lastEventId = event.id;
    };
    return new Queue(onTake, this.close);
  }
}

function isAnswerEnd({ event }: ServerSentEvent): boolean {
  return TERMINAL_EVENTS.has(event);
}
