/**
 * Text that types itself: follows a growing text, never more than a moment behind.
 * Shows everything at once where motion is unwanted or nobody is looking.
 */

import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";

import { advance, arrive, isSettled, shownText, startTyping } from "./smoothing";

export interface SmoothText {
  readonly shown: Readonly<ShallowRef<string>>;
  /** Whether all that has arrived is shown. */
  readonly settled: Readonly<ShallowRef<boolean>>;
}

export function useSmoothText(text: () => string): SmoothText {
  let typing = startTyping(text().length);
  let frame = 0;
  let lastMs = 0;
  const shown = shallowRef(text());
  const settled = shallowRef(true);

  function show(): void {
    shown.value = shownText(text(), typing);
    settled.value = isSettled(typing);
  }

  function tick(nowMs: number): void {
    typing = advance(typing, nowMs, nowMs - lastMs);
    lastMs = nowMs;
    show();
    frame = settled.value ? 0 : requestAnimationFrame(tick);
  }

  function follow(next: string, previous: string): void {
    const now = performance.now();
    const continues = next.length >= previous.length;
    if (!continues || prefersStillness()) {
      typing = startTyping(next.length);
      show();
      return;
    }
    typing = arrive(typing, next.length, now);
    settled.value = isSettled(typing);
    if (frame !== 0 || settled.value) return;
    lastMs = now;
    frame = requestAnimationFrame(tick);
  }

  watch(text, follow);
  onScopeDispose(() => cancelAnimationFrame(frame));
  return { shown, settled };
}

function prefersStillness(): boolean {
  return (
    document.visibilityState === "hidden" ||
    window.matchMedia("(prefers-reduced-motion: reduce)").matches
  );
}
