/** Stopping a run, which is not the same as leaving its stream. */

import { call } from "./call.js";
import { hostPlatform, type Platform } from "./platform.js";
import { addressOf, readHeaders, type RequestOptions } from "./request.js";
import { fetchTransport, type Transport } from "./transport.js";

export interface StopOptions extends Pick<RequestOptions, "headers" | "credentials"> {
  transport?: Transport;
  platform?: Platform;
}

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
    url: addressOf(baseUrl, `/api/runs/${encodeURIComponent(run)}/stop`),
    method: "POST",
    headers: await readHeaders(headers),
    ...(credentials && { credentials }),
  };
  await call(request, transport, platform);
}
