/** A notification, as the server tells of it. */

export interface Notification {
  readonly id: string;
  readonly title: string;
  readonly body?: string;
  /** http, https, or a path of this site: the server takes nothing else. */
  readonly link?: string;
  /** Seconds since 1970. */
  readonly at: number;
}

/** One as it is kept. */
export interface Kept extends Notification {
  readonly read: boolean;
  readonly to: "user" | "everyone";
}

export interface Inbox {
  /** The newest first. */
  readonly notifications: readonly Kept[];
  /** Of all, not only of those listed. */
  readonly unread: number;
  /** Where the stream goes on behind the list. */
  readonly cursor: string;
}

/** Nobody needs the exact number of very many. */
export function badge(unread: number): string {
  return unread > 99 ? "99+" : String(unread);
}
