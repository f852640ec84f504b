/** One request that is no stream: it is answered in time, or it did not arrive. */

import { ConnectionLost } from "./errors.js";
import type { Platform } from "./platform.js";
import { readRefusal, readText } from "./refusal.js";
import type { Transport, TransportRequest } from "./transport.js";

const LIMIT_MILLISECONDS = 30_000;

/**
 * The body of a successful answer, as text.
 *
 * Rejects with Refused for any other, with ConnectionLost if there was none.
 */
export async function call(
  request: TransportRequest,
  transport: Transport,
  platform: Platform,
): Promise<string> {
  const abort = new AbortController();
  const cancel = platform.schedule(LIMIT_MILLISECONDS, () => {
    abort.abort();
  });
  try {
    const response = await transport.open(request, abort.signal).catch(lost);
    if (response.status < 200 || response.status > 299) throw await readRefusal(response);
    return await readText(response.body).catch(lost);
  } finally {
    cancel();
    abort.abort();
  }
}

function lost(cause: unknown): never {
  throw new ConnectionLost("The server could not be reached.", { cause });
}
