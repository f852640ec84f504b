/** What was produced and not yet consumed, as an async iterator. */

const ROOM = 256;

/**
 * Between a producer that pushes and one `for await` loop.
 *
 * Holds what it is given; a producer that asks `room` first holds little. `onTake` is
 * called with each item the loop takes, `onLeave` when the loop is left.
 */
export class Queue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #ended = false;
  #error: Error | undefined;
  #waiting: (() => void)[] = [];
  readonly #onTake: (item: T) => void;
  readonly #onLeave: () => void;

  constructor(onTake: (item: T) => void, onLeave: () => void) {
    this.#onTake = onTake;
    this.#onLeave = onLeave;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** No more will come: the loop ends after what is held, or throws the error. */
  end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** Forgets what is held. */
  clear(): void {
    this.#items = [];
    this.#wake();
  }

  /** Whether a producer that can wait should. */
  get full(): boolean {
    return this.#items.length >= ROOM && !this.#ended;
  }

  /** Resolves when the consumer has made room. */
  async room(): Promise<void> {
    while (this.full) await this.#change();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#items.length === 0 && !this.#ended) {
      await this.#change();
    }
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      this.#wake();
      this.#onTake(value);
      return { done: false, value };
    }
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
