/** Where answers come from: the contract between the chat and the network. */

import type { AnswerMessage } from "tidewire";

import type { Connection, Failure } from "./model";

export interface Question {
  readonly message: string;
  readonly session: string | null;
  readonly model: string | null;
  /** A repeated start with the same key joins the run that is already going. */
  readonly key: string;
}

/** What is told about one answer; after `ended` nothing more comes. */
export interface Watcher {
  /** The run's id is known. */
  started(run: string): void;
  /** The answer so far, as often as it changes. */
  update(message: AnswerMessage): void;
  connection(connection: Connection): void;
  /** History before this point is gone: `stream.reset`. */
  gap(): void;
  /** The stream is over; `failure` if the answer is not whole. */
  ended(failure: Failure | null): void;
}

export interface Watch {
  /** Stops the run, as soon as its id is known; rejects if the server was not reached. */
  stop(): Promise<void>;
  /** Stops watching: the watcher hears nothing more. The run goes on. */
  close(): void;
}

export interface AnswerSource {
  ask(question: Question, watcher: Watcher): Watch;
  /** Watches a run from its start. */
  resume(run: string, watcher: Watcher): Watch;
}
