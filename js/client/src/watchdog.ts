/** Notices silence: a dead connection often says nothing at all. */

import type { Platform } from "./platform.js";

export class Watchdog {
  readonly #platform: Platform;
  readonly #limit: number;
  readonly #onSilence: () => void;
  #heardAt = 0;
  #cancel: (() => void) | undefined;

  constructor(platform: Platform, limitMilliseconds: number, onSilence: () => void) {
    this.#platform = platform;
    this.#limit = limitMilliseconds;
    this.#onSilence = onSilence;
  }

  start(): void {
    this.stop();
    this.heard();
    this.#arm(this.#limit);
  }

  /** Cheap enough for every chunk: no timer is touched, the running one looks again. */
  heard(): void {
    this.#heardAt = this.#platform.now();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(milliseconds: number): void {
    this.#cancel = this.#platform.schedule(milliseconds, () => {
      const rest = this.#heardAt + this.#limit - this.#platform.now();
      if (rest > 0) this.#arm(rest);
      else this.#onSilence();
    });
  }
}
