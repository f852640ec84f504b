// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { describe, expect, it } from "vitest";

import { setLocale } from "../src/i18n";
import { CHARTS } from "../src/monitor/charts";
import FigureCard from "../src/monitor/FigureCard.vue";
import { formatBytes, formatNumber, formatPercent, formatSeconds } from "../src/monitor/format";
import { KEPT_SECONDS, readSample, withSamples, type Sample } from "../src/monitor/sample";

function sample(at: number, change: Partial<Sample> = {}): Sample {
  return {
    at,
    cpu_percent: 12.5,
    memory_used: 2 * 1024 ** 3,
    memory_total: 8 * 1024 ** 3,
    disk_used: 0,
    disk_total: 1,
    network_sent_rate: 2048,
    network_received_rate: 1024,
    process_cpu_percent: 3,
    process_memory: 64 * 1024 ** 2,
    connections: 7,
    streams: 3,
    runs: 1,
    events_rate: 5,
    deliveries_rate: 1234,
    delivered_bytes_rate: 100,
    slow_viewers: 0,
    first_token_p50_seconds: null,
    first_token_p95_seconds: null,
    ...change,
  };
}

it("keeps an hour of samples, and reads nothing else as one", () => {
  const kept = withSamples([sample(1), sample(10)], [sample(KEPT_SECONDS + 5)]);
  expect(kept.map(({ at }) => at)).toEqual([10, KEPT_SECONDS + 5]);
  const event = { id: "a-1", identified: true, data: '{"at":4}' };
  expect(readSample({ ...event, event: "sample" })?.at).toBe(4);
  expect(readSample({ ...event, event: "stream.open" })).toBeNull();
});

it.each([
  [formatBytes(0), "0 B"],
  [formatBytes(1536), "1.5 KiB"],
  [formatBytes(25.2 * 1024 ** 3), "25.2 GiB"],
  [formatSeconds(0.0004), "400 µs"],
  [formatSeconds(0.35), "350 ms"],
  [formatSeconds(2.5), "2.5 s"],
  [formatPercent(99.96), "100 %"],
  [formatNumber(12_345.6), "12,346"],
])("writes %s", (written, expected) => {
  expect(written).toBe(expected);
});

describe("a card", () => {
  const card = (title: string, samples: Sample[], at: number | null = null) => {
    const spec = CHARTS.find((one) => one.title === title);
    if (!spec) throw new Error(title);
    return mount(FigureCard, { props: { spec, samples, seconds: 3600, at } });
  };
  const figure = (shown: ReturnType<typeof card>) => shown.get("[data-testid=figure-value]").text();

  it("tells the latest figure, and the one pointed at", () => {
    const samples = [sample(100, { cpu_percent: 40 }), sample(200, { cpu_percent: 60 })];
    expect(figure(card("cpu", samples))).toBe("60 %");
    expect(figure(card("cpu", samples, 101))).toBe("40 %");
    expect(figure(card("cpu", samples, 150))).toBe("–");
  });

  it("draws no line over a gap", () => {
    const samples = [100, 102, 104, 300, 302].map((at) => sample(at));
    const lines = card("connections", samples).findAll("[data-testid=chart-line]");
    expect(lines).toHaveLength(2);
  });

  it("does not take nothing for zero", () => {
    const shown = card("firstToken", [sample(100), sample(102)]);
    expect(figure(shown)).toBe("–");
    expect(shown.findAll("[data-testid=chart-line]")).toHaveLength(0);
    expect(shown.text()).toContain("no answers yet");
  });

  it("knows the other language", async () => {
    const shown = card("memory", [sample(100)]);
    setLocale("zh");
    await shown.vm.$nextTick();
    expect(shown.text()).toContain("共 8 GiB");
    setLocale("en");
  });
});
