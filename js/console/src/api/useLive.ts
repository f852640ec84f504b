/** A live stream for as long as a component is there, over the `tidewire` client. */

import { openStream, Refused, type EventStream, type ServerSentEvent } from "tidewire";
import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";

import type { Connection, Failure } from "../chat/model";
import { connectionOf, failureOf } from "./network";
import { authorization, locked, tries } from "./secret";

export interface LiveOptions {
  /** Relative to the page; null for none now. Another address begins another stream. */
  readonly url: () => string | null;
  /** Where to begin in it; by default where the server begins. */
  readonly cursor?: () => string;
  readonly onEvent: (event: ServerSentEvent) => void;
  /** A connection is open: the first, or the next after a loss. */
  readonly onOpen?: () => void;
  /** Close while nobody looks at the page, and resume behind what was seen. */
  readonly restsHidden?: boolean;
}

export interface Live {
  readonly connection: Readonly<ShallowRef<Connection>>;
  /** Why the server does not give it; null if it does. */
  readonly failure: Readonly<ShallowRef<Failure | null>>;
}

export function useLive(options: LiveOptions): Live {
  const connection = shallowRef<Connection>({ state: "ready" });
  const failure = shallowRef<Failure | null>(null);
  let stream: EventStream | null = null;
  let cursor = "";

  function rest(): void {
    if (!stream) return;
    cursor = stream.lastEventId;
    stream.close();
    stream = null;
  }

  function go(): void {
    const url = options.url();
    const isHidden = options.restsHidden === true && document.visibilityState === "hidden";
    if (stream || url === null || isHidden) return;
    failure.value = null;
    connection.value = { state: cursor === "" ? "connecting" : "resuming" };
    stream = openStream(new URL(url, document.baseURI), {
      live: true,
      headers: authorization,
      lastEventId: cursor,
      onEvent: options.onEvent,
      onStateChange: (state) => {
        connection.value = connectionOf(state) ?? connection.value;
        if (state.name === "open") options.onOpen?.();
      },
      onClose: ({ reason, error }) => {
        if (reason === "aborted") return;
        rest(); // who looks at the page again asks again
        failure.value = failureOf(error);
        if (error instanceof Refused && error.status === 401) locked.value = true;
      },
    });
  }

  /** Behind what was seen of it. */
  function again(): void {
    rest();
    go();
  }

  function begin(): void {
    rest();
    cursor = options.cursor?.() ?? "";
    again();
  }

  function onVisibility(): void {
    if (document.visibilityState === "visible") go();
    else if (options.restsHidden) rest();
  }

  watch(options.url, begin, { immediate: true });
  watch(tries, again);
  document.addEventListener("visibilitychange", onVisibility);
  onScopeDispose(() => {
    document.removeEventListener("visibilitychange", onVisibility);
    rest();
  });
  return { connection, failure };
}
