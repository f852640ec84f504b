/** What is written can be read: WCAG 2.2, 1.4.3, for every ink on every ground. */

import { expect, it } from "vitest";

import css from "../src/styles/tokens.css?raw";

const GROUNDS = ["ground", "side", "surface", "code-surface", "line-soft", "accent-wash"];
const INKS = ["ink", "ink-soft", "ink-faint", "accent-ink", "danger", "demo-ink"];
const PAIRS = [
  ...INKS.flatMap((ink) => GROUNDS.map((ground) => [ink, ground] as const)),
  ["demo-ink", "demo-wash"] as const,
  ["danger", "danger-wash"] as const,
];

/** Relative luminance by day and by night. */
function luminances(token: string): number[] {
  const [, day = "", night = ""] =
    new RegExp(`--${token}: light-dark\\(#(\\w+), #(\\w+)\\)`).exec(css) ?? [];
  return [day, night].map((hex) => {
    const [r = NaN, g = NaN, b = NaN] = Array.from({ length: 3 }, (_, at) => channel(hex, at));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
}

function channel(hex: string, at: number): number {
  const digits = hex.length === 3 ? hex.charAt(at).repeat(2) : hex.slice(2 * at, 2 * at + 2);
  const value = parseInt(digits, 16) / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

it.each(PAIRS)("%s can be read on %s", (ink, ground) => {
  const grounds = luminances(ground);
  luminances(ink).forEach((one, theme) => {
    expect(contrast(one, grounds[theme] ?? NaN)).toBeGreaterThanOrEqual(4.5);
  });
});

it("white can be read on a button", () => {
  for (const ground of luminances("accent-strong")) {
    expect(contrast(1, ground)).toBeGreaterThanOrEqual(4.5);
  }
});
