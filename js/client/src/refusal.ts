/** An HTTP answer that is no stream, read as an error. */

import { Refused } from "./errors.js";
import type { TransportResponse } from "./transport.js";

const MAX_BODY_BYTES = 65_536;

/**
 * The error a response carries as `{"error": {code, message, retryable}}`, or a plain one:
 * its status is final, whatever becomes of its body.
 */
export async function readRefusal(response: TransportResponse): Promise<Refused> {
  const { status } = response;
  const told = readError(await readText(response.body).catch(() => ""));
  return new Refused(
    status,
    typeof told["code"] === "string" ? told["code"] : "refused",
    typeof told["message"] === "string" ? told["message"] : plainMessage(status),
    typeof told["retryable"] === "boolean" ? told["retryable"] : status === 429 || status >= 500,
  );
}

function plainMessage(status: number): string {
  // Browsers hide the status of a redirect that is not followed.
  if (status === 0 || (status >= 300 && status < 400)) return "The server redirects elsewhere.";
  return `The server answered with status ${status}.`;
}

function readError(text: string): Record<string, unknown> {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "object" && error !== null ? (error as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A body as text, or so much of it as an answer of ours can be. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BODY_BYTES) break;
  }
  return text;
}
