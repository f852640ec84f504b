/**
 * Conversations kept in the browser's storage, within limits.
 *
 * One key per conversation, so that saving one never rewrites the others. When there are
 * too many, or too much text, or the browser says it is full, the oldest go first; the
 * one being saved stays.
 */

import type { Conversation } from "./model";
import { readConversation, writeConversation } from "./record";

export interface ShelfLimits {
  readonly conversations: number;
  /** All conversations together; browsers give about five million. */
  readonly characters: number;
}

export const DEFAULT_LIMITS: ShelfLimits = { conversations: 100, characters: 3_500_000 };

const PREFIX = "tidewire.conversation.";

interface Entry {
  readonly characters: number;
  readonly updatedAtMs: number;
}

export class Shelf {
  readonly #storage: Storage;
  readonly #limits: ShelfLimits;
  readonly #entries = new Map<string, Entry>();

  constructor(storage: Storage, limits: ShelfLimits = DEFAULT_LIMITS) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** All that can be read, newest first. */
  load(): Conversation[] {
    this.#entries.clear();
    const found: Conversation[] = [];
    for (const key of this.#keys()) {
      const text = this.#storage.getItem(key);
      const conversation = readConversation(text);
      if (!conversation || text === null) continue;
      this.#note(conversation, text);
      found.push(conversation);
    }
    return found.sort((a, b) => b.updatedAtMs - a.updatedAtMs);
  }

  /** Keeps a conversation. Returns the ids of those that had to go for it. */
  save(conversation: Conversation): string[] {
    const text = writeConversation(conversation, this.#limits.characters / 2);
    this.#note(conversation, text);
    const removed: string[] = [];
    const older = this.#oldestFirst().filter((id) => id !== conversation.id);
    const makeRoom = (isTight: () => boolean) => {
      while (isTight()) {
        const oldest = older.shift();
        if (oldest === undefined) return;
        this.remove(oldest);
        removed.push(oldest);
      }
    };
    makeRoom(() => this.#isOver());
    makeRoom(() => !this.#write(conversation.id, text));
    return removed;
  }

  remove(id: string): void {
    this.#entries.delete(id);
    this.#storage.removeItem(PREFIX + id);
  }

  /** Calls back with what another tab has kept, null where it was removed; returns what ends it. */
  onOtherTab(listener: (id: string, kept: Conversation | null) => void): () => void {
    const hear = ({ storageArea, key, newValue }: StorageEvent): void => {
      if (storageArea !== this.#storage || !key?.startsWith(PREFIX)) return;
      const id = key.slice(PREFIX.length);
      const kept = readConversation(newValue);
      if (newValue === null) this.#entries.delete(id);
      else if (kept) this.#note(kept, newValue);
      if (newValue === null || kept) listener(id, kept);
    };
    window.addEventListener("storage", hear);
    return () => window.removeEventListener("storage", hear);
  }

  #note(conversation: Conversation, text: string): void {
    const { id, updatedAtMs } = conversation;
    this.#entries.set(id, { characters: text.length, updatedAtMs });
  }

  #isOver(): boolean {
    const characters = [...this.#entries.values()].reduce(
      (sum, entry) => sum + entry.characters,
      0,
    );
    return this.#entries.size > this.#limits.conversations || characters > this.#limits.characters;
  }

  #oldestFirst(): string[] {
    return [...this.#entries]
      .sort(([, a], [, b]) => a.updatedAtMs - b.updatedAtMs)
      .map(([id]) => id);
  }

  #write(id: string, text: string): boolean {
    try {
      this.#storage.setItem(PREFIX + id, text);
      return true;
    } catch {
      return false;
    }
  }

  #keys(): string[] {
    const keys: string[] = [];
    for (let index = 0; index < this.#storage.length; index += 1) {
      const key = this.#storage.key(index);
      if (key?.startsWith(PREFIX)) keys.push(key);
    }
    return keys;
  }
}
