/** The calls about notifications. Each rejects with Refused or ConnectionLost. */

import { call } from "../api/http";
import { asCaller } from "../person";
import type { Inbox } from "./model";

export interface Draft {
  readonly title: string;
  readonly text: string;
}

export function inboxUrl(below = ""): string {
  return `api/notifications${below}?${asCaller().toString()}`;
}

export async function fetchInbox(): Promise<Inbox> {
  return (await call(inboxUrl("/list"))) as Inbox;
}

/** Without ids, all are marked. */
export async function markRead(ids?: readonly string[]): Promise<void> {
  await call(inboxUrl("/read"), { method: "POST", body: ids ? { ids } : { all: true } });
}

/** To one person, or to everybody. */
export async function send(to: string | null, draft: Draft): Promise<void> {
  const path =
    to === null ? "api/notifications/broadcast" : `api/users/${encodeURIComponent(to)}/notifications`;
  await call(`${path}?${asCaller().toString()}`, { method: "POST", body: draft });
}
