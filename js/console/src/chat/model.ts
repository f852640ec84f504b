/** The words of the chat: conversations, their turns, and where an answer's stream stands. */

import { EMPTY_MESSAGE, type AnswerMessage } from "tidewire";

import type { Phase } from "./phase";

/** Why a turn has no (whole) answer. `message` is for a person. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** Where the stream of a turn stands; `atMs` is when the next attempt is made. */
export type Connection =
  | { readonly state: "ready" | "connecting" | "resuming" | "open" | "offline" | "ended" }
  | { readonly state: "reconnecting"; readonly atMs: number };

/** One question and its answer. */
export interface Turn {
  readonly id: string;
  readonly question: string;
  readonly model: string | null;
  run: string | null;
  phase: Phase;
  answer: AnswerMessage;
  failure: Failure | null;
  /** Some of the history was gone when the stream was read. */
  gap: boolean;
  connection: Connection;
}

export interface Conversation {
  readonly id: string;
  title: string;
  /** The session at the server; null until its first run has started. */
  session: string | null;
  updatedAtMs: number;
  turns: Turn[];
}

const TITLE_LENGTH = 30;

export function newConversation(nowMs: number): Conversation {
  return { id: newId(), title: "", session: null, updatedAtMs: nowMs, turns: [] };
}

export function newTurn(question: string, model: string | null): Turn {
  return {
    id: newId(),
    question,
    model,
    run: null,
    phase: "idle",
    answer: EMPTY_MESSAGE,
    failure: null,
    gap: false,
    connection: { state: "ready" },
  };
}

/** The turns as another tab has left them; those that are ours, or whole here, stay as they are. */
export function mergeTurns(
  here: readonly Turn[],
  there: readonly Turn[],
  isOurs: (turn: Turn) => boolean,
): Turn[] {
  const stays = (turn: Turn) => isOurs(turn) || turn.answer.status !== "streaming";
  const staying = new Map(here.filter(stays).map((turn) => [turn.id, turn]));
  const known = new Set(there.map(({ id }) => id));
  const onlyOurs = here.filter((turn) => isOurs(turn) && !known.has(turn.id));
  return [...there.map((turn) => staying.get(turn.id) ?? turn), ...onlyOurs];
}

/** The first thirty characters of the question, on one line. */
export function titleOf(question: string): string {
  const characters = Array.from(question.trim().replace(/\s+/g, " "));
  const title = characters.slice(0, TITLE_LENGTH).join("").trimEnd();
  return characters.length > TITLE_LENGTH ? title + "…" : title;
}

/** What a person would copy: the text parts, without the thinking and the tools. */
export function answerText(answer: AnswerMessage): string {
  const texts = answer.parts.map((part) => (part.type === "text" ? part.text : ""));
  return texts.filter((text) => text !== "").join("\n\n");
}

/** Unique in this browser; `crypto.randomUUID` is missing on plain-http origins. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
