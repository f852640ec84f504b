/** Figures for people: three digits at most, with the unit that fits. */

import { locale } from "../i18n";

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value);
}

export function formatPercent(value: number): string {
  return `${formatNumber(Math.round(value * 10) / 10)} %`;
}

export function formatBytes(value: number): string {
  const power = value < 1 ? 0 : Math.floor(Math.log2(value) / 10);
  const index = Math.min(SIZES.length - 1, power);
  return `${formatNumber(value / 1024 ** index)} ${SIZES[index] ?? ""}`;
}

export function formatSeconds(value: number): string {
  if (value < 0.001) return `${formatNumber(value * 1e6)} µs`;
  return value < 1 ? `${formatNumber(value * 1000)} ms` : `${formatNumber(value)} s`;
}

/** Time of day, from seconds since 1970. */
export function formatTime(at: number, withSeconds = false): string {
  return new Date(at * 1000).toLocaleTimeString(locale.value, {
    hour: "2-digit",
    minute: "2-digit",
    ...(withSeconds && { second: "2-digit" }),
    hourCycle: "h23",
  });
}
