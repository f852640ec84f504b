/** Saying something in a room, and hinting that one is about to. */

import { Refused } from "tidewire";
import { ref, type Ref } from "vue";

import { t } from "../i18n";
import { hintTyping, say } from "./api";

const HINT_EVERY_MS = 2_500;

export interface Speaking {
  /** Why the last message was not sent; empty if it was. */
  readonly problem: Ref<string>;
  /** False if it was not sent. */
  readonly send: (text: string) => Promise<boolean>;
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
      const reason =
        error instanceof Refused && error.message ? error.message : t("error_unreachable");
      problem.value = t("roomNotSent", { reason });
      return false;
    }
    unsent = { text: "", key: "" };
    problem.value = "";
    return true;
  }

  function typing(): void {
    const now = performance.now();
    if (now - hintedMs < HINT_EVERY_MS) return;
    hintedMs = now;
    // Only a hint: that it did not arrive matters to nobody.
    hintTyping(room()).catch(() => undefined);
  }

  return { problem, send, typing };
}

function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
