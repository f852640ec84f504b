/** Saying something in a room, hinting that one is about to, and taking it back. */

import { Refused } from "tidewire";
import { ref, type Ref } from "vue";

import { t } from "../i18n";
import { hintTyping, removeMessage, say } from "./api";

const HINT_EVERY_MS = 2_500;

export interface Speaking {
  /** Why the last message was not sent, or not removed; empty if it was. */
  readonly problem: Ref<string>;
  /** False if it was not sent. */
  readonly send: (text: string) => Promise<boolean>;
  /** What others see of it goes when the room has heard of it. */
  readonly takeBack: (id: string) => Promise<void>;
  readonly typing: () => void;
}

export function useSpeaking(room: () => string): Speaking {
  const problem = ref("");
  let hintedMs = -Infinity;
  let unsent = { text: "", key: "" };

  async function send(text: string): Promise<boolean> {
    // The same text again after a failure is the same message: it may have arrived.
    if (text !== unsent.text) unsent = { text, key: newKey() };
    hintedMs = -Infinity;
    try {
      await say(room(), text, unsent.key);
    } catch (error) {
      problem.value = t("roomNotSent", { reason: reasonOf(error) });
      return false;
    }
    unsent = { text: "", key: "" };
    problem.value = "";
    return true;
  }

  async function takeBack(id: string): Promise<void> {
    try {
      await removeMessage(room(), id);
      problem.value = "";
    } catch (error) {
      problem.value = t("roomNotRemoved", { reason: reasonOf(error) });
    }
  }

  function typing(): void {
    const now = performance.now();
    if (now - hintedMs < HINT_EVERY_MS) return;
    hintedMs = now;
    // Only a hint: that it did not arrive matters to nobody.
    hintTyping(room()).catch(() => undefined);
  }

  return { problem, send, takeBack, typing };
}

function reasonOf(error: unknown): string {
  return error instanceof Refused && error.message ? error.message : t("error_unreachable");
}

function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
