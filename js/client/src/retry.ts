/**
 * When to try again, and when not to. Pure: the clock and chance are passed in.
 *
 * Full jitter: the wait is a random part of a window that doubles with every failure in
 * a row, so that a thousand viewers of a restarted server do not return together. What
 * the server asks for (`retry:`, `Retry-After`) is waited in full before that.
 */

export interface RetryOptions {
  /** The first window. Default 500. */
  baseMilliseconds?: number;
  /** The widest window, and the most a server's `retry:` can ask for. Default 30,000. */
  capMilliseconds?: number;
  /** Give up after so many failures in a row. Default: never. */
  maxAttempts?: number;
  /**
   * Give up after so many failures in a row of which the last was an HTTP answer (408,
   * 425, 429, 5xx). Default 10, which is about a minute; in live mode never.
   */
  maxAnsweredAttempts?: number;
}

export type RetryPolicy = Readonly<Required<RetryOptions>>;

/** Most that `Retry-After` can ask for: an hour. */
const MAX_RETRY_AFTER_MILLISECONDS = 3_600_000;

/** The policy with its defaults. */
export function retryPolicy(options: RetryOptions, live: boolean): RetryPolicy {
  return {
    baseMilliseconds: options.baseMilliseconds ?? 500,
    capMilliseconds: options.capMilliseconds ?? 30_000,
    maxAttempts: options.maxAttempts ?? Infinity,
    maxAnsweredAttempts: options.maxAnsweredAttempts ?? (live ? Infinity : 10),
  };
}

/** What went wrong, as far as it matters for the wait. */
export interface Failure {
  /**
   * Failures in a row, this one included. They begin anew after an event that is not only
   * about the stream (`stream.open`, `stream.reset`), and after a connection that was open
   * for as long as the widest window.
   */
  readonly attempt: number;
  /** Whether the server answered at all. */
  readonly answered: boolean;
  /** The server's `retry:`. */
  readonly retryMilliseconds?: number | undefined;
  /** The server's `Retry-After`, in this answer. */
  readonly retryAfterMilliseconds?: number | undefined;
}

/** How long to wait, in milliseconds; undefined: give up. `random` is in [0, 1). */
export function retryDelay(
  policy: RetryPolicy,
  failure: Failure,
  random: number,
): number | undefined {
  const limit = failure.answered
    ? Math.min(policy.maxAttempts, policy.maxAnsweredAttempts)
    : policy.maxAttempts;
  if (failure.attempt >= limit) return undefined;
  const cap = policy.capMilliseconds;
  const window = Math.min(cap, policy.baseMilliseconds * 2 ** (failure.attempt - 1));
  const asked = Math.max(
    Math.min(failure.retryMilliseconds ?? 0, cap),
    Math.min(failure.retryAfterMilliseconds ?? 0, MAX_RETRY_AFTER_MILLISECONDS),
  );
  return asked + random * window;
}

/** What an HTTP status means for a stream. */
export function readStatus(status: number): "open" | "ended" | "retry" | "refused" {
  if (status === 200) return "open";
  if (status === 204) return "ended";
  if (status >= 500 || status === 408 || status === 425 || status === 429) return "retry";
  return "refused";
}

/** Milliseconds asked for by a `Retry-After` header, in seconds or as a date. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*[0-9]+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
