/**
 * The secret of a server that has one, kept for this tab only: a shared computer forgets
 * it with the tab, and it is sent as a header, never in an address.
 */

import { ref } from "vue";

import { keptByTab } from "../storage";

const KEY = "tidewire.secret";

/** The server has refused something for want of its secret. */
export const locked = ref(false);

/** How many secrets were tried: whatever was refused is asked again with the next. */
export const tries = ref(0);

export function saveSecret(secret: string): void {
  keptByTab.setItem(KEY, secret);
  locked.value = false;
  tries.value += 1;
}

/** The headers that let a request in; none where no secret was given. */
export function authorization(): Record<string, string> {
  const secret = keptByTab.getItem(KEY);
  return secret ? { Authorization: `Bearer ${secret}` } : {};
}
