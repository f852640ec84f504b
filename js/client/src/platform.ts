/**
 * What a stream needs of the place it runs in: time, chance, and news of the network.
 *
 * Works in windows, workers and Node: whatever is not there is not asked. Tests pass
 * their own, so nothing is ever slept or left to chance.
 */

/** Timers know no longer wait, and take one for none at all. */
const LONGEST_MILLISECONDS = 2 ** 31 - 1;

export interface Platform {
  /** Wall clock, in milliseconds. */
  now(): number;
  /** Calls back once, after so many milliseconds, or 24 days; returns what cancels it. */
  schedule(milliseconds: number, callback: () => void): () => void;
  /** In [0, 1). */
  random(): number;
  /** A fresh name that nobody can guess. */
  randomId(): string;
  /** False only if the network is known to be away. */
  online(): boolean;
  /** Calls back whenever the network returns or the page is looked at again. */
  onWake(callback: () => void): () => void;
  /** Takes the error of a callback of the application's, so that the stream goes on. */
  report(error: unknown): void;
}

// Nothing of this is sure to be there: workers have no document, Node has neither.
type Surroundings = Partial<
  Pick<typeof globalThis, "addEventListener" | "removeEventListener" | "reportError">
> & { document?: Document; navigator?: { onLine?: boolean } };

const surroundings = globalThis as Surroundings;

/** The window, worker or Node process that this code runs in. */
export const hostPlatform: Platform = {
  now: () => Date.now(),
  schedule(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST_MILLISECONDS));
    return () => {
      clearTimeout(timer);
    };
  },
  random: () => Math.random(),
  randomId() {
    // Not randomUUID: that one is missing on pages served over plain http.
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  },
  online: () => surroundings.navigator?.onLine !== false,
  onWake(callback) {
    const { document } = surroundings;
    const onVisible = (): void => {
      if (document?.visibilityState === "visible") callback();
    };
    surroundings.addEventListener?.("online", callback);
    document?.addEventListener("visibilitychange", onVisible);
    return () => {
      surroundings.removeEventListener?.("online", callback);
      document?.removeEventListener("visibilitychange", onVisible);
    };
  },
  report(error) {
    if (surroundings.reportError) surroundings.reportError(error);
    else console.error(error);
  },
};
