/** What the monitor draws: which figures, in which units, with which words. */

import { t, type Word } from "../i18n";
import { formatBytes, formatNumber, formatPercent, formatSeconds } from "./format";
import type { Sample } from "./sample";

export interface ChartSpec {
  readonly title: Word;
  /** One or two lines; the first is the figure in large. */
  readonly lines: readonly ((sample: Sample) => number | null)[];
  readonly format: (value: number) => string;
  /** What the second line is, with its figure. */
  readonly second?: (sample: Sample) => string;
  readonly note?: (sample: Sample) => string;
  /** The top of the scale, where it is known. */
  readonly ceiling?: (sample: Sample) => number;
  /** 1024 where the figure is a size. */
  readonly base?: 1000 | 1024;
}

const perSecond = (value: string) => t("perSecond", { value });
const bytesPerSecond = (value: number) => perSecond(formatBytes(value));

export const CHARTS: readonly ChartSpec[] = [
  {
    title: "cpu",
    lines: [(s) => s.cpu_percent, (s) => s.process_cpu_percent],
    format: formatPercent,
    second: (s) => t("cpuSecond", { value: formatPercent(s.process_cpu_percent) }),
    ceiling: (s) => Math.max(100, s.process_cpu_percent),
  },
  {
    title: "memory",
    lines: [(s) => s.memory_used, (s) => s.process_memory],
    format: formatBytes,
    second: (s) => t("memorySecond", { value: formatBytes(s.process_memory) }),
    note: (s) => t("memoryNote", { total: formatBytes(s.memory_total) }),
    ceiling: (s) => s.memory_total,
    base: 1024,
  },
  {
    title: "network",
    lines: [(s) => s.network_sent_rate, (s) => s.network_received_rate],
    format: bytesPerSecond,
    second: (s) => t("networkSecond", { value: bytesPerSecond(s.network_received_rate) }),
    base: 1024,
  },
  {
    title: "deliveries",
    lines: [(s) => s.deliveries_rate, (s) => s.events_rate],
    format: (value) => perSecond(formatNumber(value)),
    second: (s) => t("deliveriesSecond", { value: perSecond(formatNumber(s.events_rate)) }),
    note: (s) => bytesPerSecond(s.delivered_bytes_rate),
  },
  {
    title: "connections",
    lines: [(s) => s.connections],
    format: formatNumber,
    note: (s) => t("connectionsNote", { streams: s.streams, runs: s.runs }),
  },
  {
    title: "firstToken",
    lines: [(s) => s.first_token_p50_seconds, (s) => s.first_token_p95_seconds],
    format: formatSeconds,
    second: ({ first_token_p95_seconds: p95 }) =>
      p95 === null ? t("firstTokenNone") : t("firstTokenSecond", { value: formatSeconds(p95) }),
  },
];
