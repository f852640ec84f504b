/**
 * Keeps a scrolling element at its end while content grows, until the reader moves up.
 * `wanted` is false where there is nothing to follow: then it stays as it is.
 */

import { nextTick, onBeforeUnmount, onMounted, ref, type Ref } from "vue";

import { isPinned, type ScrollPlace } from "./pinned";

const UPWARD = ["ArrowUp", "PageUp", "Home"];

export interface AutoScroll {
  readonly pinned: Ref<boolean>;
  /** Goes to the end and follows again. */
  toEnd(smooth?: boolean): void;
  /** What one reads stays where it is, though more appears above. */
  growAbove(grow: () => Promise<void> | void): Promise<void>;
}

export function useAutoScroll(
  view: Ref<HTMLElement | null>,
  content: Ref<HTMLElement | null>,
  wanted: () => boolean,
): AutoScroll {
  const pinned = ref(true);
  let before: ScrollPlace = { top: 0, contentHeight: 0, viewHeight: 0 };

  const growth = new ResizeObserver(() => {
    if (pinned.value && wanted()) toEnd();
  });

  function onScroll(): void {
    if (!view.value) return;
    const now = placeOf(view.value);
    if (now.top === before.top) return; // the move was ours
    pinned.value = isPinned(pinned.value, before, now);
    before = now;
  }

  /** Before the scroll that the key makes: going to the end once more would undo it. */
  function onKey({ key }: KeyboardEvent): void {
    if (UPWARD.includes(key) && before.top > 0) pinned.value = false;
  }

  function toEnd(smooth = false): void {
    pinned.value = true;
    if (!view.value) return;
    view.value.scrollTo({ top: view.value.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    // The event of this comes with that of a reader who moves up meanwhile, as one.
    before = placeOf(view.value);
  }

  async function growAbove(grow: () => Promise<void> | void): Promise<void> {
    const below = (view.value?.scrollHeight ?? 0) - (view.value?.scrollTop ?? 0);
    await grow();
    await nextTick();
    view.value?.scrollTo({ top: view.value.scrollHeight - below, behavior: "instant" });
  }

  onMounted(() => {
    view.value?.addEventListener("scroll", onScroll, { passive: true });
    view.value?.addEventListener("keydown", onKey);
    if (content.value) growth.observe(content.value);
    if (view.value) growth.observe(view.value);
  });
  onBeforeUnmount(() => {
    view.value?.removeEventListener("scroll", onScroll);
    view.value?.removeEventListener("keydown", onKey);
    growth.disconnect();
  });
  return { pinned, toEnd, growAbove };
}

function placeOf(view: HTMLElement): ScrollPlace {
  return { top: view.scrollTop, contentHeight: view.scrollHeight, viewHeight: view.clientHeight };
}
