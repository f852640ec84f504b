/** One moment of the server, as `/api/monitor` sends it; the fields' names are the server's. */

import type { ServerSentEvent } from "tidewire";

/** `at` in seconds since 1970; sizes in bytes, rates per second. */
export interface Sample {
  readonly at: number;
  readonly cpu_percent: number;
  readonly memory_used: number;
  readonly memory_total: number;
  readonly disk_used: number;
  readonly disk_total: number;
  readonly network_sent_rate: number;
  readonly network_received_rate: number;
  readonly process_cpu_percent: number;
  readonly process_memory: number;
  readonly connections: number;
  readonly streams: number;
  readonly runs: number;
  readonly events_rate: number;
  readonly deliveries_rate: number;
  readonly delivered_bytes_rate: number;
  readonly slow_viewers: number;
  /** Null until there were answers. */
  readonly first_token_p50_seconds: number | null;
  readonly first_token_p95_seconds: number | null;
}

export const KEPT_SECONDS = 3600;

export function readSample({ event, data }: ServerSentEvent): Sample | null {
  return event === "sample" ? (JSON.parse(data) as Sample) : null;
}

/** The samples of the last hour, up to the latest. */
export function withSamples(kept: readonly Sample[], more: readonly Sample[]): Sample[] {
  const all = [...kept, ...more];
  const end = all.at(-1)?.at ?? 0;
  return all.filter(({ at }) => at > end - KEPT_SECONDS);
}
