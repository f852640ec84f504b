/**
 * Asking a Tidewire server, and reading the answer as a message that grows.
 *
 * Owns the addresses of the chat API and nothing of the network: streams are stream.ts,
 * folding is answer.ts. Leaving an answer never stops it; `stop` does.
 */

import { EMPTY_MESSAGE, foldAnswer, type AnswerMessage } from "./answer.js";
import { callSafely } from "./callback.js";
import type { EventStream, StreamCallbacks, StreamOptions } from "./event-stream.js";
import type { ServerSentEvent } from "./parser.js";
import { hostPlatform, type Platform } from "./platform.js";
import { Queue } from "./queue.js";
import { addressOf } from "./request.js";
import type { ClosedState, StreamState } from "./state.js";
import { stopRun } from "./stop.js";
import { openStream } from "./stream.js";
import { readAnswerEvent, type AnswerEvent } from "./vocabulary.js";

export interface Question {
  message: string;
  /** The conversation it belongs to; without one the server begins a new one. */
  session?: string | undefined;
  model?: string | undefined;
  app?: string | undefined;
  options?: Readonly<Record<string, unknown>> | undefined;
}

export interface AnswerCallbacks extends Omit<StreamCallbacks, "onEvent"> {
  /** The run's id is known; called once, before anything of the answer. */
  onRun?: (run: string) => void;
  onEvent?: (event: AnswerEvent) => void;
  /** The message has changed. */
  onUpdate?: (message: AnswerMessage) => void;
}

export interface AnswerOptions
  extends
    AnswerCallbacks,
    Omit<
      StreamOptions,
      keyof StreamCallbacks | "method" | "body" | "live" | "lastEventId" | "isTerminal"
    > {}

export type AskOptions = Question & AnswerOptions;

export interface ResumeOptions extends Omit<AnswerOptions, "idempotencyKey"> {
  /** Where to go on; without it the answer is read from its start. */
  cursor?: string;
  /** The message as it was at the cursor. */
  message?: AnswerMessage;
}

/**
 * An answer on its way. `for await` gives the answer events that come after the loop
 * began; it ends, throws and closes as that of a stream does.
 */
export interface Answer extends AsyncIterable<AnswerEvent> {
  /** What has arrived so far; a new value at every change. */
  readonly message: AnswerMessage;
  /** The run's id, as soon as the server has told it. */
  readonly run: string | undefined;
  readonly state: StreamState;
  /** Where `message` stands: give both to `resume` to go on from here. */
  readonly lastEventId: string;
  /** Resolves when the stream is closed, for whatever reason; never rejects. */
  readonly closed: Promise<ClosedState>;
  /**
   * Calls back when the message or the state has changed; returns what ends it. Needs no
   * `this`: React's `useSyncExternalStore(answer.subscribe, …)` takes it as it is.
   */
  readonly subscribe: (listener: () => void) => () => void;
  /**
   * Stops the run; the answer then ends with `run.stopped` and keeps its text.
   *
   * Waits for the run's id if need be: an answer that is closed before it is known goes
   * on. Calling it again is harmless. Rejects if the server could not be reached or
   * refused; it may then be called again.
   */
  stop(): Promise<void>;
  /** Leaves; the run goes on. */
  close(): void;
}

/** Asks a question: `POST {baseUrl}/api/chat`. `baseUrl` is "" on the server's own pages. */
export function ask(baseUrl: string, options: AskOptions): Answer {
  const { message, session, model, app, options: modelOptions, ...rest } = options;
  const body = JSON.stringify({ message, session, model, app, options: modelOptions });
  return new StreamedAnswer(baseUrl, "/api/chat", rest, { body });
}

/** Reads a run that goes on, or has ended: `GET {baseUrl}/api/streams/{run}`. */
export function resume(baseUrl: string, run: string, options: ResumeOptions = {}): Answer {
  const { cursor, message, ...rest } = options;
  const path = `/api/streams/${encodeURIComponent(run)}${cursor ? "" : "?from=start"}`;
  return new StreamedAnswer(baseUrl, path, rest, { run, message, lastEventId: cursor });
}

/** What is asked, or where reading begins. */
interface Beginning {
  readonly body?: string | undefined;
  readonly run?: string | undefined;
  readonly message?: AnswerMessage | undefined;
  readonly lastEventId?: string | undefined;
}

class StreamedAnswer implements Answer {
  message: AnswerMessage;
  run: string | undefined;

  readonly #baseUrl: string;
  readonly #options: AnswerOptions;
  readonly #platform: Platform;
  readonly #stream: EventStream;
  readonly #listeners = new Set<() => void>();
  readonly #runKnown: Promise<string>;
  #resolveRun: (run: string) => void = () => undefined;
  #queue: Queue<AnswerEvent> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(baseUrl: string, path: string, options: AnswerOptions, beginning: Beginning) {
    const { body, run, message = EMPTY_MESSAGE, lastEventId = "" } = beginning;
    this.#baseUrl = baseUrl;
    this.#options = options;
    this.#platform = options.platform ?? hostPlatform;
    this.message = message;
    this.run = run;
    this.#runKnown = new Promise((resolve) => (this.#resolveRun = resolve));
    if (run !== undefined) this.#resolveRun(run);
    this.#stream = openStream(addressOf(baseUrl, path), {
      ...options,
      ...(body !== undefined && { body }),
      lastEventId,
      onOpen: (response) => {
        this.#learnRun(response.headers.get("X-Run-Id"));
        this.#call(options.onOpen, response);
      },
      onEvent: (event) => {
        this.#take(event);
      },
      onClose: (state) => {
        if (state.reason === "aborted") this.#queue?.clear();
        this.#queue?.end(state.error);
        this.#call(options.onClose, state);
      },
    });
    this.#stream.subscribe(this.#notify);
  }

  get state(): StreamState {
    return this.#stream.state;
  }

  get lastEventId(): string {
    return this.#stream.lastEventId;
  }

  get closed(): Promise<ClosedState> {
    return this.#stream.closed;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  readonly close = (): void => {
    this.#stream.close();
  };

  [Symbol.asyncIterator](): AsyncIterator<AnswerEvent, undefined> {
    if (this.#queue) throw new TypeError("An answer has one loop.");
    this.#queue = new Queue(() => undefined, this.close);
    if (this.state.name === "closed") this.#queue.end(this.state.error);
    return this.#queue;
  }

  #take(sse: ServerSentEvent): void {
    const event = readAnswerEvent(sse);
    if (event === undefined) return;
    const before = this.message;
    this.message = foldAnswer(before, event);
    if (event.event === "run.started") this.#learnRun(event.data.run);
    this.#queue?.push(event);
    this.#call(this.#options.onEvent, event);
    if (this.message === before) return;
    this.#call(this.#options.onUpdate, this.message);
    this.#notify();
  }

  /** From the head, or else from the first event. */
  #learnRun(run: string | null): void {
    if (run === null || this.run !== undefined) return;
    this.run = run;
    this.#resolveRun(run);
    this.#call(this.#options.onRun, run);
  }

  async #stop(): Promise<void> {
    const run = await Promise.race([this.#runKnown, this.closed]);
    // Closed without ever having had a run: there is nothing to stop.
    if (typeof run === "string") await stopRun(this.#baseUrl, run, this.#options);
  }

  readonly #notify = (): void => {
    for (const listener of [...this.#listeners]) this.#call(listener, undefined);
  };

  #call<T>(callback: ((value: T) => void) | undefined, value: T): void {
    callSafely(this.#platform, callback, value);
  }
}
