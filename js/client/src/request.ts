/**
 * Which request comes next: the first one, the same again, or the resumption.
 *
 * Its rule: a generation is never begun twice. A request other than GET carries an
 * Idempotency-Key, so that sending it again joins the run it began; once the server has
 * named the run's stream (`Location`), only GET on that address is used.
 */

import type { Platform } from "./platform.js";
import type { Credentials, TransportRequest, TransportResponse } from "./transport.js";

export type HeaderValues = Readonly<Record<string, string>>;

export interface RequestOptions {
  /** Default GET, or POST if there is a body. */
  method?: string;
  /** Sent with the first request; JSON, unless `headers` name another content type. */
  body?: string;
  /** Values, or a function called before every attempt (fresh tokens). */
  headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>);
  credentials?: Credentials;
  /** Default: a random one. Give your own to join a run over a page reload. */
  idempotencyKey?: string;
}

export class Requests {
  readonly #url: () => string;
  readonly #method: string;
  readonly #options: RequestOptions;
  readonly #live: boolean;
  readonly #idempotencyKey: string;
  #resumeUrl: string | undefined;

  constructor(url: () => string, options: RequestOptions, live: boolean, platform: Platform) {
    this.#url = url;
    this.#options = options;
    this.#live = live;
    this.#method = options.method ?? (options.body === undefined ? "GET" : "POST");
    this.#idempotencyKey = options.idempotencyKey ?? platform.randomId();
  }

  /** Whether who has seen events, and has this cursor, may ask on: without one, all come again. */
  canContinue(lastEventId: string): boolean {
    return this.#live || lastEventId !== "";
  }

  async next(lastEventId: string): Promise<TransportRequest> {
    const { credentials } = this.#options;
    const headers = await readHeaders(this.#options.headers);
    headers.set("Accept", "text/event-stream");
    if (lastEventId) headers.set("Last-Event-ID", toByteString(lastEventId));
    const common = { headers, ...(credentials && { credentials }) };
    if (this.#resumeUrl !== undefined) {
      headers.delete("Content-Type");
      return { ...common, method: "GET", url: resumption(this.#resumeUrl, lastEventId) };
    }
    return { ...common, ...this.#first(headers) };
  }

  /** Takes the address to resume at from a response, if it names one of its own origin. */
  learn(response: TransportResponse): void {
    const location = response.headers.get("Location");
    if (this.#live || !location) return;
    try {
      const url = new URL(location, response.url);
      // Another origin must not be sent the caller's headers.
      if (url.origin === new URL(response.url).origin) this.#resumeUrl = url.href;
    } catch {
      // It names none. Not asked of `URL.canParse`: browsers of 2022 do not have it.
    }
  }

  #first(headers: Headers): Pick<TransportRequest, "url" | "method" | "body"> {
    const { body } = this.#options;
    if (this.#method !== "GET") headers.set("Idempotency-Key", this.#idempotencyKey);
    if (body === undefined) return { url: this.#url(), method: this.#method };
    if (!headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    return { url: this.#url(), method: this.#method, body };
  }
}

/** Where a server has `path`; its own address may end with a slash. */
export function addressOf(baseUrl: string, path: string): string {
  return baseUrl.replace(/\/+$/, "") + path;
}

/** The caller's headers for one attempt. */
export async function readHeaders(given: RequestOptions["headers"]): Promise<Headers> {
  return new Headers(typeof given === "function" ? await given() : given);
}

/** Who has no cursor has seen nothing, and asks for all of it. */
function resumption(resumeUrl: string, lastEventId: string): string {
  if (lastEventId) return resumeUrl;
  const url = new URL(resumeUrl);
  url.searchParams.set("from", "start");
  return url.href;
}

/** UTF-8, as EventSource sends it: a header value is bytes, and fetch takes one a character. */
function toByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
