/** An answer source played by hand: what was asked, and the watcher to tell things to. */

import { EMPTY_MESSAGE, foldAnswer, type AnswerEvent, type AnswerMessage } from "tidewire";
import { vi } from "vitest";

import type { AnswerSource, Question, Watcher } from "../src/chat/source";

export class FakeSource implements AnswerSource {
  readonly asked: Question[] = [];
  readonly resumed: string[] = [];
  readonly stop = vi.fn(() => Promise.resolve());
  readonly close = vi.fn();
  watcher!: Watcher;
  #message: AnswerMessage = EMPTY_MESSAGE;

  ask(question: Question, watcher: Watcher) {
    this.asked.push(question);
    return this.#watch(watcher);
  }

  resume(run: string, watcher: Watcher) {
    this.resumed.push(run);
    return this.#watch(watcher);
  }

  /** Tells the watcher of these events, as the network would. */
  tell(...events: AnswerEvent[]): void {
    for (const event of events) {
      this.#message = foldAnswer(this.#message, event);
      if (event.event === "run.started") this.watcher.started(event.data.run);
      this.watcher.update(this.#message);
    }
  }

  #watch(watcher: Watcher) {
    this.watcher = watcher;
    this.#message = EMPTY_MESSAGE;
    return { stop: this.stop, close: this.close };
  }
}

export const started: AnswerEvent = {
  event: "run.started",
  data: { run: "run_1", session: "ses_1", model: "demo" },
};

export const text = (delta: string): AnswerEvent => ({
  event: "text.delta",
  data: { part: "t", delta },
});

export const finished: AnswerEvent = { event: "run.finished", data: {} };
