/** Whole seconds until a moment, counted down; null while there is none. */

import { onScopeDispose, ref, watch, type Ref } from "vue";

export function useCountdown(untilMs: () => number | null): Ref<number | null> {
  const seconds = ref<number | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tick(): void {
    clearTimeout(timer);
    const until = untilMs();
    seconds.value = until === null ? null : Math.max(0, Math.ceil((until - Date.now()) / 1000));
    if (seconds.value) timer = setTimeout(tick, 250);
  }

  watch(untilMs, tick, { immediate: true });
  onScopeDispose(() => clearTimeout(timer));
  return seconds;
}
