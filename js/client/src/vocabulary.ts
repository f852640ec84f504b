/**
 * The answer vocabulary: what a model says, as it is stored and sent in the native dialect.
 *
 * One type per event; the SSE event name is the type, the SSE data is the rest as JSON.
 * Names are the wire's own. Pure types and their reader; folding is in answer.ts.
 */

import type { ServerSentEvent } from "./parser.js";

/** What each event type carries. Fields at their default value are left out on the wire. */
export interface AnswerEventData {
  "run.started": {
    run: string;
    session?: string;
    message?: string;
    model?: string;
    created?: number;
  };
  /** Another model than the one asked for gives the answer, as those before it failed. */
  "run.model": { model: string };
  "text.start": { part: string };
  "text.delta": { part: string; delta: string };
  "text.end": { part: string };
  "reasoning.start": { part: string };
  "reasoning.delta": { part: string; delta: string };
  "reasoning.end": { part: string; signature?: string };
  "tool.start": { call: string; name: string };
  "tool.args": { call: string; delta: string };
  /** `invalid` holds the raw arguments if they were not JSON: never execute such a call. */
  "tool.ready": {
    call: string;
    name: string;
    input?: unknown;
    invalid?: string;
    signature?: string;
  };
  "tool.result": { call: string; output: unknown };
  "tool.error": { call: string; message: string };
  source: { id: string; url?: string; document?: string; title?: string; quote?: string };
  data: { name: string; data: unknown; id?: string; transient?: boolean };
  file: { url: string; media_type: string; name?: string };
  usage: Usage;
  "run.finished": { reason?: string };
  "run.stopped": { reason?: string };
  "run.failed": { code: string; message: string; retryable?: boolean };
}

export type AnswerEventType = keyof AnswerEventData;

/** One event of an answer; `event` tells which data it has. */
export type AnswerEvent = {
  [Type in AnswerEventType]: { readonly event: Type; readonly data: AnswerEventData[Type] };
}[AnswerEventType];

/** Tokens used so far. `estimated`: counted by the server, not by the vendor. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  reasoning_tokens?: number;
  cached_tokens?: number;
  estimated?: boolean;
}

/** The events that end an answer; exactly one of them is its last. */
export const TERMINAL_EVENTS: ReadonlySet<string> = new Set<AnswerEventType>([
  "run.finished",
  "run.stopped",
  "run.failed",
]);

const TYPES: ReadonlySet<string> = new Set<AnswerEventType>([
  "run.started",
  "run.model",
  "text.start",
  "text.delta",
  "text.end",
  "reasoning.start",
  "reasoning.delta",
  "reasoning.end",
  "tool.start",
  "tool.args",
  "tool.ready",
  "tool.result",
  "tool.error",
  "source",
  "data",
  "file",
  "usage",
  "run.finished",
  "run.stopped",
  "run.failed",
]);

/**
 * The answer event of an SSE event; undefined for a type outside the vocabulary (newer
 * servers may say more) or data that is not a JSON object.
 */
export function readAnswerEvent({ event, data }: ServerSentEvent): AnswerEvent | undefined {
  if (!TYPES.has(event)) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === "object" && value !== null) return { event, data: value } as AnswerEvent;
  } catch {
    // Not JSON: no answer event.
  }
  return undefined;
}
