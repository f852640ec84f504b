/** Answers from the server this page came from, over the `tidewire` client. */

import {
  ask,
  Refused,
  resume,
  type AnswerOptions,
  type ClosedState,
  type StreamState,
} from "tidewire";

import type { Connection, Failure } from "../chat/model";
import type { AnswerSource, Watcher } from "../chat/source";
import { t } from "../i18n";

/** About a minute and a half; after that the person decides whether to go on trying. */
const MAX_ATTEMPTS = 12;

const BASE_URL = new URL(".", document.baseURI).href;

export const network: AnswerSource = {
  ask({ message, session, model, key }, watcher) {
    return ask(BASE_URL, {
      message,
      session: session ?? undefined,
      model: model ?? undefined,
      idempotencyKey: key,
      ...callbacks(watcher),
    });
  },

  resume: (run, watcher) => resume(BASE_URL, run, callbacks(watcher)),
};

function callbacks(watcher: Watcher): AnswerOptions {
  return {
    retry: { maxAttempts: MAX_ATTEMPTS },
    onRun: (run) => watcher.started(run),
    onUpdate: (message) => watcher.update(message),
    onReset: () => watcher.gap(),
    onStateChange: (state) => {
      const connection = connectionOf(state);
      if (connection) watcher.connection(connection);
    },
    onClose: (state) => {
      if (state.reason !== "aborted") watcher.ended(failureOf(state));
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

/** Why a closed stream has no whole answer; null if it has. */
export function failureOf({ reason, error }: ClosedState): Failure | null {
  if (reason === "ended") return null;
  if (!(error instanceof Refused)) {
    return { code: "connection_lost", message: t("error_unreachable"), retryable: true };
  }
  const isGone = error.status === 404 || error.status === 410;
  const message = isGone ? t("error_gone") : error.message || t("error_unknown");
  return { code: error.code, message, retryable: error.retryable };
}
