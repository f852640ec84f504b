/**
 * This person's notifications: what is kept at the server, and what comes in now.
 *
 * The stream says that something has changed, here or in another tab; what is read and
 * unread is only ever the server's word.
 */

import { onScopeDispose, ref, shallowRef, type ShallowRef } from "vue";

import { useLive } from "../api/useLive";
import { fetchInbox, markRead, streamUrl } from "./api";
import type { Inbox, Notification } from "./model";

export interface Notifications {
  readonly inbox: Readonly<ShallowRef<Inbox>>;
  /** The latest one that came while the console is open; null once it was seen. */
  readonly latest: ShallowRef<Notification | null>;
  /** Without ids, all. */
  readonly read: (ids?: readonly string[]) => Promise<void>;
}

const NOTHING: Inbox = { notifications: [], unread: 0, cursor: "" };

/** Many that come at once are one change. */
const RELOAD_DELAY_MS = 80;

export function useNotifications(): Notifications {
  const inbox = shallowRef<Inbox>(NOTHING);
  const latest = shallowRef<Notification | null>(null);
  /** Null until the list was asked for: the stream goes on behind it. */
  const cursor = ref<string | null>(null);
  const url = streamUrl();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Where it cannot be had, the last known one stays. */
  async function load(): Promise<void> {
    inbox.value = await fetchInbox().catch(() => inbox.value);
    cursor.value ??= inbox.value.cursor;
  }

  async function read(ids?: readonly string[]): Promise<void> {
    await markRead(ids).catch(() => undefined);
    await load();
  }

  useLive({
    url: () => (cursor.value === null ? null : url),
    cursor: () => cursor.value ?? "",
    restsHidden: true,
    // Refused for want of a secret, or asked for too early.
    onOpen: () => inbox.value === NOTHING && void load(),
    onEvent({ event, data }) {
      if (event === "notification") latest.value = JSON.parse(data) as Notification;
      clearTimeout(timer);
      timer = setTimeout(() => void load(), RELOAD_DELAY_MS);
    },
  });

  void load();
  onScopeDispose(() => clearTimeout(timer));
  return { inbox, latest, read };
}
