/**
 * An answer in the dialect `typewriter`, as far as it has arrived. Pure.
 *
 * `{"type":"start"}`, then one `{"type":"chunk","char","index","total"}` a character,
 * then `{"type":"end"}` or `{"type":"error"}`. `total` is what is known so far: the
 * model has not said more yet.
 */

import type { ServerSentEvent } from "tidewire";

export interface Typed {
  readonly text: string;
  /** Characters known so far: code points, not halves of surrogate pairs. */
  readonly total: number;
  readonly end: "none" | "ended" | "stopped" | "failed";
  /** Why it failed, in the server's words. */
  readonly message: string;
}

export const NOTHING: Typed = { text: "", total: 0, end: "none", message: "" };

type Data =
  | { type: "start" }
  | { type: "chunk"; char: string; index: number; total: number }
  | { type: "end"; total: number; stopped?: boolean }
  | { type: "error"; message: string };

export function typeOn(typed: Typed, event: ServerSentEvent): Typed {
  if (event.event !== "message") return typed;
  const data = JSON.parse(event.data) as Data;
  switch (data.type) {
    case "start":
      return NOTHING;
    case "chunk":
      return { ...typed, text: typed.text + data.char, total: data.total };
    case "end":
      return { ...typed, total: data.total, end: data.stopped ? "stopped" : "ended" };
    case "error":
      return { ...typed, end: "failed", message: data.message };
  }
}

export function isLast(event: ServerSentEvent): boolean {
  return typeOn(NOTHING, event).end !== "none";
}

/** The event as it was on the wire. */
export function rawLines({ id, event, data }: ServerSentEvent): string {
  const type = event === "message" ? "" : `event: ${event}\n`;
  return `${id === "" ? "" : `id: ${id}\n`}${type}data: ${data}`;
}
