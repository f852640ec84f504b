/** A notification, as the server keeps it. */

export interface Notification {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** Seconds since 1970. */
  readonly at: number;
  readonly read: boolean;
  /** It was sent to everybody. */
  readonly broadcast: boolean;
}

export interface Inbox {
  /** The newest first. */
  readonly list: readonly Notification[];
  readonly unread: number;
}

/** Nobody needs the exact number of very many. */
export function badge(unread: number): string {
  return unread > 99 ? "99+" : String(unread);
}
