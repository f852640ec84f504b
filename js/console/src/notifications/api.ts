/** The calls about notifications. Each rejects with Refused or ConnectionLost. */

import { call } from "../api/http";
import { asCaller } from "../person";
import type { Inbox } from "./model";

export interface Draft {
  readonly title: string;
  readonly body?: string;
}

/** Without a cursor, only what comes from now on. */
export function streamUrl(): string {
  const query = asCaller();
  query.set("from", "now");
  return `api/notifications?${query.toString()}`;
}

export async function fetchInbox(): Promise<Inbox> {
  return (await call(`api/notifications/list?${asCaller().toString()}`)) as Inbox;
}

/** Without ids, all are marked. */
export async function markRead(ids?: readonly string[]): Promise<void> {
  await call(`api/notifications/read?${asCaller().toString()}`, {
    method: "POST",
    body: ids ? { ids } : { all: true },
  });
}

/** To one person, or to everybody. */
export async function send(to: string | null, draft: Draft): Promise<void> {
  const path =
    to === null
      ? "api/notifications/broadcast"
      : `api/users/${encodeURIComponent(to)}/notifications`;
  await call(`${path}?${asCaller().toString()}`, { method: "POST", body: draft });
}
