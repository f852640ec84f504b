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
  #taken = 0; // of the items: the loop has had them
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
    this.#taken = 0;
    this.#wake();
  }

  /** Whether a producer that can wait should. */
  get full(): boolean {
    return this.#held >= ROOM && !this.#ended;
  }

  /** Resolves when the consumer has made room. */
  async room(): Promise<void> {
    while (this.full) await this.#change();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#held === 0 && !this.#ended) {
      await this.#change();
    }
    if (this.#held > 0) {
      const value = this.#take();
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

  get #held(): number {
    return this.#items.length - this.#taken;
  }

  #take(): T {
    const item = this.#items[this.#taken] as T;
    this.#taken += 1;
    // Not one by one: that moves all the others each time.
    if (this.#taken * 2 >= this.#items.length) {
      this.#items.splice(0, this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
