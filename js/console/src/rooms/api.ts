/** The calls about rooms. Each rejects with Refused or ConnectionLost. */

import { call } from "../api/http";
import { asCaller } from "../person";
import type { Person } from "./model";

export interface RoomInfo {
  readonly room: string;
  readonly people: number;
}

export function roomUrl(room: string, below = ""): string {
  return `api/rooms/${encodeURIComponent(room)}${below}?${asCaller().toString()}`;
}

export async function fetchRooms(): Promise<readonly RoomInfo[]> {
  const { rooms } = (await call(`api/rooms?${asCaller().toString()}`)) as { rooms: RoomInfo[] };
  return rooms;
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

export async function hintTyping(room: string): Promise<void> {
  await call(roomUrl(room, "/typing"), { method: "POST" });
}
