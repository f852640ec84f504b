/** Asks over `GET /api/chat` in the dialect `typewriter`, and follows it to its end. */

import { openStream, stopRun, type EventStream } from "tidewire";
import { computed, onScopeDispose, shallowRef, type ComputedRef, type ShallowRef } from "vue";

import { connectionOf, failureOf } from "../api/network";
import { authorization } from "../api/secret";
import { onFrames } from "../chat/frames";
import type { Connection } from "../chat/model";
import { isLast, NOTHING, rawLines, typeOn, type Typed } from "./typing";

export type TypingState =
  "idle" | "connecting" | "typing" | "stopping" | "ended" | "stopped" | "failed";

export interface Typewriter {
  readonly typed: Readonly<ShallowRef<Typed>>;
  readonly raw: Readonly<ShallowRef<RawEvents>>;
  readonly state: ComputedRef<TypingState>;
  readonly connection: Readonly<ShallowRef<Connection>>;
  /** Why it failed, for a person. */
  readonly problem: ComputedRef<string>;
  readonly address: Readonly<ShallowRef<string>>;
  readonly start: (question: string, model: string | null) => void;
  readonly stop: () => Promise<void>;
}

/** The latest events as text, and how many there were. */
export interface RawEvents {
  readonly count: number;
  readonly latest: readonly string[];
}

export const RAW_KEPT = 60;

const BASE_URL = new URL(".", document.baseURI);

export function useTypewriter(): Typewriter {
  const typed = shallowRef<Typed>(NOTHING);
  const raw = shallowRef<RawEvents>({ count: 0, latest: [] });
  const phase = shallowRef<"idle" | "connecting" | "typing" | "stopping">("idle");
  const connection = shallowRef<Connection>({ state: "ready" });
  const refusal = shallowRef("");
  const address = shallowRef("");
  let stream: EventStream | null = null;
  let run: string | null = null;
  let next = NOTHING;
  let lines: string[] = [];

  // Characters come by the hundred a second: the page shows them once a frame.
  const frames = onFrames(() => {
    typed.value = next;
    const latest = [...raw.value.latest, ...lines].slice(-RAW_KEPT);
    raw.value = { count: raw.value.count + lines.length, latest };
    lines = [];
  });

  function start(question: string, model: string | null): void {
    leave();
    const query = new URLSearchParams({ message: question, dialect: "typewriter" });
    if (model !== null) query.set("model", model);
    address.value = `/api/chat?${query.toString()}`;
    // Names the run, so that no repeated GET asks twice.
    query.set("idempotency_key", crypto.getRandomValues(new Uint32Array(4)).join("-"));
    phase.value = "connecting";
    stream = openStream(new URL(`api/chat?${query.toString()}`, BASE_URL), {
      // The address of the run, where it is resumed, has no query.
      headers: () => ({ ...authorization(), "Tidewire-Dialect": "typewriter" }),
      isTerminal: isLast,
      onOpen: ({ headers }) => {
        run = headers.get("X-Run-Id");
        if (phase.value === "connecting") phase.value = "typing";
      },
      onEvent: (event) => {
        next = typeOn(next, event);
        lines.push(rawLines(event));
        frames.request();
      },
      onStateChange: (state) => (connection.value = connectionOf(state) ?? connection.value),
      onClose: ({ reason, error }) => {
        frames.flush();
        phase.value = "idle";
        connection.value = { state: reason === "ended" ? "ended" : "ready" };
        if (error) refusal.value = failureOf(error).message;
      },
    });
  }

  async function stop(): Promise<void> {
    if (run === null) return;
    phase.value = "stopping";
    await stopRun(BASE_URL.href.replace(/\/$/, ""), run, { headers: authorization }).catch(() => {
      if (phase.value === "stopping") phase.value = "typing";
    });
  }

  function leave(): void {
    stream?.close();
    frames.cancel();
    stream = run = null;
    next = typed.value = NOTHING;
    raw.value = { count: 0, latest: (lines = []) };
    refusal.value = "";
  }

  const problem = computed(() => refusal.value || typed.value.message);
  const state = computed<TypingState>(() => {
    if (phase.value !== "idle") return phase.value;
    if (problem.value !== "") return "failed";
    return typed.value.end === "none" ? "idle" : typed.value.end;
  });

  onScopeDispose(leave);
  return { typed, raw, state, connection, problem, address, start, stop };
}
