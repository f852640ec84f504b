/**
 * The states of a stream, as a view sees them.
 *
 * idle → connecting → open → waiting → connecting … → closed. Each is a value of its
 * own, replaced at every change and never changed itself. Closed is final.
 */

/**
 * Why a stream is waiting: the connection broke or could not be made; the stream ended
 * without its last event; nothing came for too long; the server answered with a status
 * that passes (408, 425, 429, 5xx); the network is known to be away.
 */
export type WaitReason = "dropped" | "ended" | "silent" | "busy" | "offline";

/**
 * Why a stream is closed: it is whole (a terminal event, or the server said there is no
 * more); the application closed it; the server refused it; trying again was no use.
 */
export type CloseReason = "ended" | "aborted" | "refused" | "gaveUp";

export interface IdleState {
  readonly name: "idle";
}

export interface ConnectingState {
  readonly name: "connecting";
  /** Failures in a row so far; 0 at first, and again after progress: see `Failure.attempt`. */
  readonly failures: number;
}

export interface OpenState {
  readonly name: "open";
}

export interface WaitingState {
  readonly name: "waiting";
  readonly reason: WaitReason;
  /** When it tries again, at the latest: wall clock, milliseconds. */
  readonly retryAt: number;
  readonly failures: number;
  readonly error: Error;
}

export interface ClosedState {
  readonly name: "closed";
  readonly reason: CloseReason;
  /** There if refused or given up. */
  readonly error?: Error;
}

export type StreamState = IdleState | ConnectingState | OpenState | WaitingState | ClosedState;
