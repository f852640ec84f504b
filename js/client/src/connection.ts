/**
 * One connection: a request made, its events read, and how it ended.
 *
 * Never retries and never throws: what happened is its outcome, and the stream that
 * owns it decides what comes next.
 */

import { ConnectionLost, Refused, TidewireError } from "./errors.js";
import type { Parser, ServerSentEvent } from "./parser.js";
import type { Platform } from "./platform.js";
import { readRefusal } from "./refusal.js";
import { readRetryAfter, readStatus } from "./retry.js";
import type { WaitReason } from "./state.js";
import type { Transport, TransportRequest, TransportResponse } from "./transport.js";
import { Watchdog } from "./watchdog.js";

/** Over, but a new connection may do better. */
export interface Failed {
  readonly kind: "failed";
  readonly reason: Exclude<WaitReason, "offline">;
  readonly error: Error;
  readonly retryAfterMilliseconds?: number | undefined;
}

export type Outcome =
  /** The server has nothing more. */
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly error: Refused }
  /** A new connection would fail in the same way. */
  | { readonly kind: "hopeless"; readonly error: Error }
  | Failed;

export interface ConnectionParts {
  readonly transport: Transport;
  readonly platform: Platform;
  readonly parser: Parser;
  readonly silenceMilliseconds: number;
  /** Aborted by whoever wants the connection to end, and when it has ended. */
  readonly abort: AbortController;
  readonly onOpen: (response: TransportResponse) => void;
  /** Nothing more is read until a promise it returns resolves. */
  readonly onEvents: (events: ServerSentEvent[]) => Promise<void> | undefined;
}

/** Makes the request and reads its stream to whatever end it comes to. */
export async function runConnection(
  parts: ConnectionParts,
  request: Promise<TransportRequest>,
): Promise<Outcome> {
  const { abort, platform, parser, silenceMilliseconds } = parts;
  let silent = false as boolean;
  const watchdog = new Watchdog(platform, silenceMilliseconds, () => {
    silent = true;
    abort.abort();
  });
  watchdog.start();
  try {
    const response = await unlessAborted(
      abort.signal,
      request.then((ready) => parts.transport.open(ready, abort.signal)),
    );
    watchdog.heard();
    return await readResponse(parts, response, watchdog);
  } catch (error) {
    if (error instanceof TidewireError && !error.retryable) return { kind: "hopeless", error };
    if (silent) return failed("silent", `Nothing came for ${silenceMilliseconds / 1000} seconds.`);
    return failed("dropped", "The connection was lost.", error);
  } finally {
    watchdog.stop();
    parser.reset();
    abort.abort();
  }
}

/** Rejects on abort, though the caller's own headers are on their way, or his loop is busy. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(new ConnectionLost("The connection was closed."));
    };
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readResponse(
  parts: ConnectionParts,
  response: TransportResponse,
  watchdog: Watchdog,
): Promise<Outcome> {
  switch (readStatus(response.status)) {
    case "ended":
      return { kind: "ended" };
    case "refused":
      return { kind: "refused", error: await readRefusal(response) };
    case "retry":
      return busy(await readRefusal(response), response, parts.platform.now());
    case "open":
      if (!isEventStream(response)) return { kind: "refused", error: notAStream(response) };
      parts.onOpen(response);
      return readEvents(parts, response, watchdog);
  }
}

async function readEvents(
  { parser, onEvents, abort: { signal } }: ConnectionParts,
  response: TransportResponse,
  watchdog: Watchdog,
): Promise<Outcome> {
  for await (const bytes of response.body) {
    watchdog.heard();
    const hold = onEvents(parser.feed(bytes));
    if (hold !== undefined) {
      // Silence that we ask for ourselves is no sign of death.
      watchdog.stop();
      await unlessAborted(signal, hold);
      watchdog.start();
    }
    // Closed by what was just delivered; the body is not to be waited for.
    signal.throwIfAborted();
  }
  parser.end();
  return failed("ended", "The stream ended before its last event.");
}

function busy(error: Refused, { headers }: TransportResponse, now: number): Outcome {
  // A server that knows better than its status says so in the body.
  if (!error.retryable) return { kind: "refused", error };
  // A date is meant by the server's clock, which may not be ours.
  const serverNow = Date.parse(headers.get("Date") ?? "") || now;
  const retryAfterMilliseconds = readRetryAfter(headers.get("Retry-After"), serverNow);
  return { kind: "failed", reason: "busy", error, retryAfterMilliseconds };
}

function failed(reason: Failed["reason"], message: string, cause?: unknown): Failed {
  return { kind: "failed", reason, error: new ConnectionLost(message, { cause }) };
}

function isEventStream({ headers }: TransportResponse): boolean {
  const essence = headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  return essence === "text/event-stream";
}

function notAStream({ status, headers }: TransportResponse): Refused {
  const type = headers.get("Content-Type") ?? "no content type";
  return new Refused(status, "not_a_stream", `The server sent ${type}, not a stream.`, false);
}
