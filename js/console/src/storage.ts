/** The browser's storage; where it is refused, one that lasts for the visit. */

class VisitStorage implements Storage {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }

  clear(): void {
    this.#items.clear();
  }
}

/** Kept in this browser, for all tabs. */
export const kept = storageOf("localStorage");
/** Kept for this tab only. */
export const keptByTab = storageOf("sessionStorage");

/** Where nothing may be kept, its mere mention throws. */
function storageOf(name: "localStorage" | "sessionStorage"): Storage {
  try {
    return window[name];
  } catch {
    return new VisitStorage();
  }
}
