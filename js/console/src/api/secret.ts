/**
 * The secret of a server that has one, kept for this tab only: a shared computer forgets
 * it with the tab, and it is sent as a header, never in an address.
 */

const KEY = "tidewire.secret";

export function saveSecret(secret: string): void {
  sessionStorage.setItem(KEY, secret);
}

/** The headers that let a request in; none where no secret was given. */
export function authorization(): Record<string, string> {
  const secret = sessionStorage.getItem(KEY);
  return secret ? { Authorization: `Bearer ${secret}` } : {};
}
