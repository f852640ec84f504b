/** A stream as applications see it: what it is given, and what it gives. */

import type { ParserOptions, ServerSentEvent } from "./parser.js";
import type { Platform } from "./platform.js";
import type { RequestOptions } from "./request.js";
import type { RetryOptions } from "./retry.js";
import type { ClosedState, StreamState } from "./state.js";
import type { Transport, TransportResponse } from "./transport.js";

export interface StreamCallbacks {
  /** The first connection is open; called once. Later ones show as changes of state. */
  onOpen?: (response: TransportResponse) => void;
  onEvent?: (event: ServerSentEvent) => void;
  /** `stream.reset`: events are missing here, the stream goes on behind them. */
  onReset?: (event: ServerSentEvent) => void;
  onStateChange?: (state: StreamState) => void;
  /** The stream is closed; called exactly once, after everything else. */
  onClose?: (state: ClosedState) => void;
}

export interface StreamOptions extends RequestOptions, StreamCallbacks {
  /** Reconnect until closed: for channels, which have no end of their own. */
  live?: boolean;
  /** The cursor to resume from. */
  lastEventId?: string;
  /** Tells the last event, where the stream is not live. Default: `TERMINAL_EVENTS`. */
  isTerminal?: (event: ServerSentEvent) => boolean;
  /** Reconnect after so long without a byte; comments count. Default 45. */
  silenceSeconds?: number;
  retry?: RetryOptions;
  limits?: Pick<ParserOptions, "maxLineBytes" | "maxEventBytes">;
  /** Closes the stream when it is aborted, or at once if it already is. */
  signal?: AbortSignal;
  transport?: Transport;
  platform?: Platform;
}

/**
 * A stream. `for await` gives its events; leaving the loop closes it.
 *
 * The loop ends when the stream has ended or was closed, and throws when it was refused
 * or given up. Without `onEvent` the connection is read as fast as the loop goes; with
 * it, the loop gets what comes after it began. One loop a stream.
 */
export interface EventStream extends AsyncIterable<ServerSentEvent> {
  readonly state: StreamState;
  /** The cursor of the last event handed to the application: to resume later or elsewhere. */
  readonly lastEventId: string;
  /** Resolves when the stream is closed, for whatever reason; never rejects. */
  readonly closed: Promise<ClosedState>;
  /** Calls back at every change of state; returns what ends it. */
  readonly subscribe: (listener: (state: StreamState) => void) => () => void;
  /** Leaves: nothing more is delivered, not even what has arrived. Never stops a run. */
  close(): void;
}
