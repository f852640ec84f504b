/** The ids of recent events, so that what a server sends again is not delivered again. */

/** A resume repeats little; this is far more, and bounded. */
const KEPT = 4096;

export class SeenIds {
  readonly #ids = new Set<string>();

  /** Whether this id is new; it is not from now on. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > KEPT) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest);
        break;
      }
    }
    return true;
  }

  clear(): void {
    this.#ids.clear();
  }
}
