/**
 * Notices silence: a dead connection often says nothing at all.
 *
 * Goes by the wall clock, which runs on while a machine sleeps and its timers do not.
 */

import type { Platform } from "./platform.js";

export class Watchdog {
  readonly #platform: Platform;
  readonly #limit: number;
  readonly #onSilence: () => void;
  #heardAt = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;

  constructor(platform: Platform, limitMilliseconds: number, onSilence: () => void) {
    this.#platform = platform;
    this.#limit = limitMilliseconds;
    this.#onSilence = onSilence;
  }

  start(): void {
    this.stop();
    this.heard();
    this.#cancelWake = this.#platform.onWake(this.#look);
    this.#arm(this.#limit);
  }

  /** Cheap enough for every chunk: no timer is touched, the running one looks again. */
  heard(): void {
    this.#heardAt = this.#platform.now();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelWake?.();
  }

  readonly #look = (): void => {
    const now = this.#platform.now();
    // A clock that was set back would make a silence of any length.
    this.#heardAt = Math.min(this.#heardAt, now);
    const rest = this.#heardAt + this.#limit - now;
    if (rest > 0) this.#arm(rest);
    else this.#onSilence();
  };

  #arm(milliseconds: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#platform.schedule(milliseconds, this.#look);
  }
}
