/**
 * How a request becomes a stream of bytes: the contract, and the fetch transport.
 *
 * A transport makes one request and knows nothing of SSE, retries or cursors.
 */

import { TidewireError } from "./errors.js";

/** Fetch's `RequestCredentials`, a name that only programs with the DOM's types have. */
export type Credentials = "include" | "omit" | "same-origin";

export interface TransportRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string;
  readonly credentials?: Credentials;
}

export interface TransportResponse {
  readonly status: number;
  /** Where the answer came from; relative addresses in it are resolved against this. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** The bytes as they arrive. Leaving the loop closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport {
  /**
   * Resolves when the head is there, whatever its status.
   *
   * Rejects if there was no answer. An aborted signal rejects it, and the body too.
   */
  open(request: TransportRequest, signal: AbortSignal): Promise<TransportResponse>;
}

/**
 * The transport over `fetch`, the platform's or the one given.
 *
 * Redirects are not followed, they arrive as their status (0 in browsers): a redirect
 * would carry the caller's headers and the body to wherever it points.
 */
export function fetchTransport(fetch: typeof globalThis.fetch = globalThis.fetch): Transport {
  return {
    async open({ url, ...request }, signal) {
      const response = await fetch(url, {
        ...request,
        signal,
        cache: "no-store",
        redirect: "manual",
      });
      return {
        status: response.status,
        url: response.url || url,
        headers: response.headers,
        body: readBody(response.body),
      };
    },
  };
}

/** Not the stream's own iterator: Safari has none. React Native's fetch has not even a body. */
async function* readBody(body?: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  if (body === undefined) throw new TidewireError("no_streams", "This fetch has no streams.");
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // An aborted body rejects here as it did above; nothing is left to do about it.
    reader.cancel().catch(() => undefined);
  }
}
