/**
 * A conversation as text, and back.
 *
 * Writing keeps within a size: the oldest turns go first, and a last answer too large by
 * itself is kept without its parts (its run can be read again from the server). Reading
 * trusts nothing: another version, another page or a person may have written it.
 */

import { EMPTY_MESSAGE, type AnswerMessage } from "tidewire";
import { markRaw } from "vue";

import { newTurn, type Conversation, type Failure, type Turn } from "./model";

const VERSION = 1;

/** At most `maxCharacters` long, as far as its titles and questions allow. */
export function writeConversation(conversation: Conversation, maxCharacters: number): string {
  const { id, title, session, updatedAtMs } = conversation;
  let left = maxCharacters;
  const turns: unknown[] = [];
  for (const turn of [...conversation.turns].reverse()) {
    const isNewest = turns.length === 0;
    const record = turnRecord(turn, isNewest ? left : Infinity);
    left -= JSON.stringify(record).length;
    if (left < 0 && !isNewest) break;
    turns.unshift(record);
  }
  return JSON.stringify({ version: VERSION, id, title, session, updatedAtMs, turns });
}

function turnRecord(turn: Turn, maxCharacters: number) {
  const { id, question, model, run, failure, gap, phase } = turn;
  const { answer } = turn;
  const fits = JSON.stringify(answer).length <= maxCharacters;
  const kept = fits ? answer : { ...answer, parts: [] };
  return { id, question, model, run, failure, gap, busy: phase !== "idle", answer: kept };
}

/** The conversation that `text` holds, or null. A turn that was busy is busy again. */
export function readConversation(text: string | null): Conversation | null {
  const record = parse(text);
  if (record?.["version"] !== VERSION || typeof record["id"] !== "string") return null;
  const turns = Array.isArray(record["turns"]) ? record["turns"] : [];
  return {
    id: record["id"],
    title: asText(record["title"]) ?? "",
    session: asText(record["session"]),
    updatedAtMs: Number(record["updatedAtMs"]) || 0,
    turns: turns.map(readTurn).filter((turn) => turn !== null),
  };
}

function readTurn(value: unknown): Turn | null {
  const record = asRecord(value);
  const question = asText(record?.["question"]);
  if (!record || question === null) return null;
  const run = asText(record["run"]);
  const busy = record["busy"] === true;
  return {
    ...newTurn(question, asText(record["model"])),
    ...(typeof record["id"] === "string" && { id: record["id"] }),
    run,
    phase: busy ? (run ? "streaming" : "sending") : "idle",
    answer: readAnswer(record["answer"]),
    failure: readFailure(record["failure"]),
    gap: record["gap"] === true,
    connection: { state: busy ? "resuming" : "ready" },
  };
}

function readAnswer(value: unknown): AnswerMessage {
  const record = asRecord(value);
  if (!record || !Array.isArray(record["parts"])) return EMPTY_MESSAGE;
  return markRaw(record as unknown as AnswerMessage);
}

function readFailure(value: unknown): Failure | null {
  const record = asRecord(value);
  const code = asText(record?.["code"]);
  const message = asText(record?.["message"]);
  if (code === null || message === null) return null;
  return { code, message, retryable: record?.["retryable"] === true };
}

function parse(text: string | null): Record<string, unknown> | null {
  try {
    return text === null ? null : asRecord(JSON.parse(text));
  } catch {
    return null;
  }
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}

function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
