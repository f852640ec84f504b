/** Answers from the server this page came from, over the `tidewire` client. */

import { ask, Refused, resume, type Answer, type AnswerOptions, type StreamState } from "tidewire";

import type { Connection, Failure } from "../chat/model";
import type { AnswerSource, Watcher } from "../chat/source";
import { t } from "../i18n";
import { authorization } from "./secret";

/** About a minute and a half; after that the person decides whether to go on trying. */
const MAX_ATTEMPTS = 12;

const BASE_URL = new URL(".", document.baseURI).href;

export const network: AnswerSource = {
  ask({ message, session, model, key }, watcher) {
    const answer: Answer = ask(BASE_URL, {
      message,
      session: session ?? undefined,
      model: model ?? undefined,
      idempotencyKey: key,
      ...callbacks(watcher, (state) => {
        // Refused before it began, perhaps for a while: the person decides when to retry.
        if (state.name !== "waiting" || state.reason !== "busy" || answer.run) return false;
        answer.close();
        watcher.ended(failureOf(state.error));
        return true;
      }),
    });
    return answer;
  },

  resume: (run, watcher) => resume(BASE_URL, run, callbacks(watcher)),
};

function callbacks(
  watcher: Watcher,
  isRefusal: (state: StreamState) => boolean = () => false,
): AnswerOptions {
  return {
    headers: authorization,
    retry: { maxAttempts: MAX_ATTEMPTS },
    onRun: (run) => watcher.started(run),
    onUpdate: (message) => watcher.update(message),
    onReset: () => watcher.gap(),
    onStateChange: (state) => {
      const connection = isRefusal(state) ? null : connectionOf(state);
      if (connection) watcher.connection(connection);
    },
    onClose: ({ reason, error }) => {
      if (reason !== "aborted") watcher.ended(reason === "ended" ? null : failureOf(error));
    },
  };
}

/** What a view shows of a state; null where it goes on showing what it did. */
export function connectionOf(state: StreamState): Connection | null {
  switch (state.name) {
    case "open":
      return { state: "open" };
    case "connecting":
      return state.failures > 0 ? { state: "reconnecting", atMs: 0 } : null;
    case "waiting":
      if (state.reason === "offline") return { state: "offline" };
      return { state: "reconnecting", atMs: state.retryAt };
    case "idle":
    case "closed":
      return null;
  }
}

/** Why there is no whole answer, for a person. */
export function failureOf(error: Error | undefined): Failure {
  if (!(error instanceof Refused)) {
    return { code: "connection_lost", message: t("error_unreachable"), retryable: true };
  }
  const isGone = error.status === 404 || error.status === 410;
  const message = isGone ? t("error_gone") : error.message || t("error_unknown");
  return { code: error.code, message, retryable: error.retryable };
}
