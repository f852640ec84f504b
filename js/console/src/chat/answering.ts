/**
 * Carries one turn from its question to the end of its answer.
 *
 * It puts what the source tells into the turn, at most once per frame. An answer that is
 * read again after a reload replaces what is shown only once it has caught up, so the
 * text never shrinks before it grows. It never renders and never stores.
 */

import { EMPTY_MESSAGE, type AnswerMessage } from "tidewire";
import { markRaw } from "vue";

import { t } from "../i18n";
import { onFrames } from "./frames";
import type { Connection, Conversation, Failure, Turn } from "./model";
import { nextPhase, type PhaseEvent } from "./phase";
import type { AnswerSource, Watch, Watcher } from "./source";

/** Told when the turn has changed. `urgent`: it should survive if the page goes now. */
export type Changed = (urgent: boolean) => void;

export class Answering {
  readonly #turn: Turn;
  readonly #conversation: Conversation;
  readonly #source: AnswerSource;
  readonly #changed: Changed;
  readonly #frames = onFrames(() => this.#show());
  #watch: Watch | null = null;
  #message: AnswerMessage = EMPTY_MESSAGE;

  constructor(conversation: Conversation, turn: Turn, source: AnswerSource, changed: Changed) {
    this.#conversation = conversation;
    this.#turn = turn;
    this.#source = source;
    this.#changed = changed;
  }

  /** Asks the turn's question, or joins its run if the question had been sent already. */
  ask(): void {
    const { question: message, model, id: key } = this.#turn;
    const { session } = this.#conversation;
    this.#step("send");
    this.#turn.connection = { state: "connecting" };
    this.#watch = this.#source.ask({ message, session, model, key }, this.#watcher());
    this.#changed(true);
  }

  /** Reads the turn's run again from its start. */
  resume(run: string): void {
    this.#step("send");
    this.#step("started");
    this.#turn.connection = { state: "resuming" };
    this.#watch = this.#source.resume(run, this.#watcher());
  }

  /** Stops the run. A question that has not got through is taken back. */
  stop(): void {
    this.#step("stop");
    if (this.#isUnsent()) this.#takeBack();
    else this.#halt();
  }

  /** Stops watching. The run goes on. */
  leave(): void {
    this.#frames.cancel();
    this.#watch?.close();
  }

  #watcher(): Watcher {
    return {
      started: (run) => this.#started(run),
      update: (message) => {
        this.#message = message;
        this.#frames.request();
      },
      connection: (connection) => this.#connection(connection),
      gap: () => {
        this.#turn.gap = true;
      },
      ended: (failure) => this.#ended(failure),
    };
  }

  #started(run: string): void {
    this.#turn.run = run;
    this.#step("started");
    this.#changed(true);
  }

  #connection(connection: Connection): void {
    this.#turn.connection = connection;
    if (this.#turn.phase !== "stopping") return;
    if (this.#isUnsent()) this.#takeBack();
    else if (connection.state === "open") this.#halt();
  }

  /** What does not reach the server because the connection is lost is said again on the next. */
  #halt(): void {
    this.#watch?.stop().catch(() => {
      if (this.#turn.connection.state === "open") this.#step("stopFailed");
    });
  }

  #isUnsent(): boolean {
    const { state } = this.#turn.connection;
    return this.#turn.run === null && (state === "offline" || state === "reconnecting");
  }

  #takeBack(): void {
    this.leave();
    this.#ended({ code: "not_sent", message: t("error_not_sent"), retryable: true });
  }

  #ended(failure: Failure | null): void {
    this.#frames.cancel();
    if (this.#isCaughtUp()) this.#put();
    this.#turn.failure = failure ?? this.#turn.answer.error ?? null;
    this.#turn.connection = { state: "ended" };
    this.#step("ended");
    this.#changed(true);
  }

  #show(): void {
    if (!this.#isCaughtUp()) return;
    this.#put();
    this.#changed(false);
  }

  #isCaughtUp(): boolean {
    if (this.#message.status !== "streaming") return true;
    return sizeOf(this.#message) >= sizeOf(this.#turn.answer);
  }

  #put(): void {
    this.#conversation.session = this.#message.session ?? this.#conversation.session;
    this.#turn.answer = markRaw(this.#message);
  }

  #step(event: PhaseEvent): void {
    this.#turn.phase = nextPhase(this.#turn.phase, event);
  }
}

/** How much of an answer is there; grows with every event that can be seen. */
function sizeOf(message: AnswerMessage): number {
  return message.parts.reduce((sum, part) => sum + 1 + ("text" in part ? part.text.length : 0), 0);
}
