/** The calls about rooms. Each rejects with Refused or ConnectionLost. */

import { call } from "../api/http";
import { asCaller } from "../person";
import type { Person, Said } from "./model";

export interface RoomInfo {
  readonly room: string;
  /** Open streams of it; one person may have several. */
  readonly viewers: number;
}

/** Messages in their order. */
export interface HistoryPage {
  readonly messages: readonly Said[];
  /** Asks for the page before this one; null if there is none. */
  readonly before: string | null;
  /** Where a subscription goes on behind the newest page. */
  readonly cursor: string;
}

/** The server leaves out the text of a message that was removed. */
type WirePage = Omit<HistoryPage, "messages"> & {
  messages: readonly (Omit<Said, "text"> & { text?: string })[];
};

export function roomUrl(room: string, below = "", more: Record<string, string> = {}): string {
  const query = asCaller();
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return `api/rooms/${encodeURIComponent(room)}${below}?${query.toString()}`;
}

export async function fetchRooms(): Promise<readonly RoomInfo[]> {
  const { rooms } = (await call(`api/rooms?${asCaller().toString()}`)) as { rooms: RoomInfo[] };
  return rooms;
}

export async function fetchHistory(room: string, before?: string): Promise<HistoryPage> {
  const page = (await call(roomUrl(room, "/messages", before ? { before } : {}))) as WirePage;
  return { ...page, messages: page.messages.map((said) => ({ ...said, text: said.text ?? null })) };
}

export async function fetchPeople(room: string): Promise<readonly Person[]> {
  const { people } = (await call(roomUrl(room, "/presence"))) as { people: Person[] };
  return people;
}

/** `key` names this one message: sent again, it is said once. */
export async function say(room: string, text: string, key: string): Promise<void> {
  await call(roomUrl(room, "/messages"), {
    method: "POST",
    body: { text },
    headers: { "Idempotency-Key": key },
  });
}

/** Takes a message back. Nothing more happens if it was. */
export async function removeMessage(room: string, id: string): Promise<void> {
  await call(roomUrl(room, `/messages/${encodeURIComponent(id)}`), { method: "DELETE" });
}

export async function hintTyping(room: string): Promise<void> {
  await call(roomUrl(room, "/typing"), { method: "POST" });
}
