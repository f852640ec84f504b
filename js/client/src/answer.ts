/**
 * A message, folded from the events of an answer.
 *
 * The names are the wire's own (snake_case), so a message folded here equals the one the
 * server stores: both run `spec/cases/fold.json`. Pure: a fold never changes a message
 * it was given, and parts that did not change keep their identity, so a view may compare
 * them by reference. Lenient where a late reader may have missed an opening event.
 */

import type { AnswerEvent, AnswerEventData, AnswerEventType, Usage } from "./vocabulary.js";

export interface TextPart {
  readonly type: "text";
  readonly id: string;
  readonly text: string;
  /** Whether more may come. */
  readonly open: boolean;
}

export interface ReasoningPart {
  readonly type: "reasoning";
  readonly id: string;
  readonly text: string;
  readonly open: boolean;
  /** The vendor's proof of the thought. */
  readonly signature?: string;
}

export interface ToolPart {
  readonly type: "tool";
  readonly id: string;
  readonly name: string;
  /** The arguments as they came: JSON text, incomplete while they stream. */
  readonly args: string;
  readonly state: "input-streaming" | "input-ready" | "invalid" | "output" | "error";
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** The vendor's proof of the call. */
  readonly signature?: string;
}

export type SourcePart = { readonly type: "source" } & Readonly<AnswerEventData["source"]>;
export type FilePart = { readonly type: "file" } & Readonly<AnswerEventData["file"]>;

export interface DataPart {
  readonly type: "data";
  readonly name: string;
  readonly id?: string;
  readonly data: unknown;
}

export type AnswerPart = TextPart | ReasoningPart | ToolPart | SourcePart | DataPart | FilePart;

/** Why a run failed. `message` is for a person, `code` is stable. */
export interface AnswerError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** An answer as far as it is known. */
export interface AnswerMessage {
  readonly run?: string;
  readonly model?: string;
  readonly session?: string;
  readonly status: "streaming" | "finished" | "stopped" | "failed";
  readonly parts: readonly AnswerPart[];
  readonly usage?: Readonly<Usage>;
  readonly finish_reason?: string;
  readonly error?: AnswerError;
}

/** The message before its first event. */
export const EMPTY_MESSAGE: AnswerMessage = Object.freeze({
  status: "streaming",
  parts: Object.freeze([]),
});

/** The message after this event. After the terminal event nothing changes it. */
export function foldAnswer(message: AnswerMessage, event: AnswerEvent): AnswerMessage {
  if (message.status !== "streaming") return message;
  return (FOLDS[event.event] as Fold<unknown>)(message, event.data);
}

type Fold<Data> = (message: AnswerMessage, data: Data) => AnswerMessage;

const FOLDS: { readonly [Type in AnswerEventType]: Fold<AnswerEventData[Type]> } = {
  "run.started": (message, data) => ({ ...message, ...pick(data, "run", "model", "session") }),
  "run.model": (message, { model }) => ({ ...message, model }),
  "text.start": (message, { part }) => written(message, "text", part, ""),
  "text.delta": (message, { part, delta }) => written(message, "text", part, delta),
  "text.end": (message, { part }) => ended(message, "text", part, {}),
  "reasoning.start": (message, { part }) => written(message, "reasoning", part, ""),
  "reasoning.delta": (message, { part, delta }) => written(message, "reasoning", part, delta),
  "reasoning.end": (message, data) =>
    ended(message, "reasoning", data.part, pick(data, "signature")),
  "tool.start": (message, { call, name }) => called(message, call, (tool) => ({ ...tool, name })),
  "tool.args": (message, { call, delta }) =>
    called(message, call, (tool) => ({ ...tool, args: tool.args + delta })),
  "tool.ready": (message, data) => called(message, data.call, (tool) => ready(tool, data)),
  "tool.result": (message, data) =>
    called(message, data.call, (tool) => ({ ...tool, ...pick(data, "output"), state: "output" })),
  "tool.error": (message, data) =>
    called(message, data.call, (tool) => ({ ...tool, error: data.message, state: "error" })),
  source: (message, data) =>
    added(message, { type: "source", ...pick(data, "id", "url", "document", "title", "quote") }),
  data: shown,
  file: (message, data) =>
    added(message, { type: "file", ...pick(data, "url", "media_type", "name") }),
  usage: (message, usage) => ({ ...message, usage }),
  "run.finished": (message, { reason = "stop" }) => ({
    ...shut(message),
    status: "finished",
    finish_reason: reason,
  }),
  "run.stopped": (message, { reason = "stop" }) => ({
    ...shut(message),
    status: "stopped",
    finish_reason: reason,
  }),
  "run.failed": (message, { code, message: text, retryable = false }) => ({
    ...shut(message),
    status: "failed",
    error: { code, message: text, retryable },
  }),
};

/** The text (or reasoning) part with more text; opened if it was not. */
function written(
  message: AnswerMessage,
  type: "text" | "reasoning",
  id: string,
  delta: string,
): AnswerMessage {
  const index = placeOf(message, type, id);
  const part = message.parts[index] as TextPart | ReasoningPart | undefined;
  if (part === undefined) return added(message, { type, id, text: delta, open: true });
  return replaced(message, index, { ...part, text: part.text + delta });
}

function ended(
  message: AnswerMessage,
  type: "text" | "reasoning",
  id: string,
  extra: { signature?: string },
): AnswerMessage {
  const index = placeOf(message, type, id);
  const part = message.parts[index] as TextPart | ReasoningPart | undefined;
  return part ? replaced(message, index, { ...part, ...extra, open: false }) : message;
}

/** The tool call after a change; a call that was never opened starts empty. */
function called(
  message: AnswerMessage,
  id: string,
  change: (tool: ToolPart) => ToolPart,
): AnswerMessage {
  const index = placeOf(message, "tool", id);
  const part = message.parts[index] as ToolPart | undefined;
  if (part) return replaced(message, index, change(part));
  return added(message, change({ type: "tool", id, name: "", args: "", state: "input-streaming" }));
}

function ready(tool: ToolPart, data: AnswerEventData["tool.ready"]): ToolPart {
  const { name, invalid } = data;
  if (invalid != null) return { ...tool, name, args: invalid, state: "invalid" };
  return { ...tool, name, ...pick(data, "input", "signature"), state: "input-ready" };
}

function shown(message: AnswerMessage, data: AnswerEventData["data"]): AnswerMessage {
  if (data.transient === true) return message;
  const part: DataPart = { type: "data", ...pick(data, "name", "id", "data") };
  const index = message.parts.findIndex(
    (other) => other.type === "data" && other.name === data.name && other.id === data.id,
  );
  if (data.id == null || index === -1) return added(message, part);
  return replaced(message, index, part);
}

/** The message with no part open: nothing more will come. */
function shut(message: AnswerMessage): AnswerMessage {
  const parts = message.parts.map((part) =>
    "open" in part && part.open ? { ...part, open: false } : part,
  );
  return { ...message, parts };
}

function added(message: AnswerMessage, part: AnswerPart): AnswerMessage {
  return { ...message, parts: [...message.parts, part] };
}

function replaced(message: AnswerMessage, index: number, part: AnswerPart): AnswerMessage {
  const parts = message.parts.slice();
  parts[index] = part;
  return { ...message, parts };
}

/** From the end: the part that grows is nearly always the last. */
function placeOf(message: AnswerMessage, type: AnswerPart["type"], id: string): number {
  return message.parts.findLastIndex((part) => part.type === type && "id" in part && part.id === id);
}

/** These fields of `from`, without those that are null or absent. */
function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Pick<T, K> {
  const present = keys.filter((key) => from[key] != null).map((key) => [key, from[key]]);
  return Object.fromEntries(present) as Pick<T, K>;
}
