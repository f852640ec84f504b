/** Calls to this server's JSON API. */

import { ConnectionLost, Refused } from "tidewire";

import { authorization, locked } from "./secret";

export interface Call {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** On a dead connection nothing would ever come, and what was written would hang. */
const LIMIT_MS = 30_000;

/**
 * The answer's JSON; null if it has no body.
 *
 * Rejects with Refused, whose message is the server's, or with ConnectionLost.
 */
export async function call(path: string, { method, body, headers }: Call = {}): Promise<unknown> {
  const response = await fetch(path, {
    method: method ?? "GET",
    headers: {
      Accept: "application/json",
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...authorization(),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(LIMIT_MS),
  }).catch(lost);
  if (response.status === 401) locked.value = true;
  const text = await response.text().catch(lost);
  if (!response.ok) throw refusal(response.status, text);
  return text === "" ? null : readJson(text);
}

/** What is no JSON is not from this server, but from something in between. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return lost(error);
  }
}

function lost(cause: unknown): never {
  throw new ConnectionLost("The server could not be reached.", { cause });
}

function refusal(status: number, text: string): Refused {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new Refused(status, error.code, error.message, status >= 500);
  } catch {
    return new Refused(status, "refused", "", status >= 500);
  }
}
