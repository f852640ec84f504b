/** Stopping a run, which is not the same as leaving its stream. */

import { ConnectionLost } from "./errors.js";
import { hostPlatform, type Platform } from "./platform.js";
import { readRefusal } from "./refusal.js";
import { readHeaders, type RequestOptions } from "./request.js";
import { fetchTransport, type Transport, type TransportResponse } from "./transport.js";

export interface StopOptions extends Pick<RequestOptions, "headers" | "credentials"> {
  transport?: Transport;
  platform?: Platform;
}

/** A stop that takes longer than this has not reached the server. */
const LIMIT_MILLISECONDS = 30_000;

/**
 * Stops a run: `POST {baseUrl}/api/runs/{run}/stop`. Stopping it again is harmless.
 *
 * Rejects with Refused if the server would not, with ConnectionLost if it was not
 * reached; it may then be called again.
 */
export async function stopRun(
  baseUrl: string,
  run: string,
  options: StopOptions = {},
): Promise<void> {
  const { headers, credentials, transport = fetchTransport(), platform = hostPlatform } = options;
  const request = {
    url: `${baseUrl}/api/runs/${encodeURIComponent(run)}/stop`,
    method: "POST",
    headers: await readHeaders(headers),
    ...(credentials && { credentials }),
  };
  const abort = new AbortController();
  const cancel = platform.schedule(LIMIT_MILLISECONDS, () => {
    abort.abort();
  });
  try {
    await checkStopped(await transport.open(request, abort.signal).catch(lost));
  } finally {
    cancel();
    abort.abort();
  }
}

async function checkStopped(response: TransportResponse): Promise<void> {
  if (response.status < 200 || response.status > 299) throw await readRefusal(response);
}

function lost(cause: unknown): never {
  throw new ConnectionLost("The server could not be reached to stop the run.", { cause });
}
