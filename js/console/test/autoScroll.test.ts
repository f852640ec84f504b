// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { expect, it, vi } from "vitest";
import { defineComponent, h, ref, type Ref } from "vue";

import { useAutoScroll } from "../src/scroll/useAutoScroll";

/** A view of 100 px whose content grows when told. */
function scrolling() {
  let height = 1000;
  let follow = (): void => undefined;
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe = vi.fn();
      disconnect = vi.fn();
      constructor(callback: () => void) {
        follow = callback;
      }
    },
  );
  const view = document.createElement("div");
  Object.defineProperties(view, {
    scrollHeight: { get: () => height },
    clientHeight: { value: 100 },
  });
  view.scrollTo = (({ top }: { top: number }) => (view.scrollTop = top - 100)) as never;
  let pinned!: Ref<boolean>;
  const setup = () => {
    ({ pinned } = useAutoScroll(ref(view), ref(null), () => true));
    return () => h("p");
  };
  mount(defineComponent({ setup }));
  const grow = (): void => {
    height += 45;
    follow();
  };
  return { view, pinned, grow };
}

it("lets go of a reader who moves up while a fast answer grows", () => {
  const { view, pinned, grow } = scrolling();
  grow();
  expect(view.scrollTop).toBe(945);
  view.dispatchEvent(new Event("scroll"));
  expect(pinned.value).toBe(true);
  grow();
  view.scrollTop -= 5;
  view.dispatchEvent(new Event("scroll")); // one event for both moves
  expect(pinned.value).toBe(false);
});

it("lets go at the key that moves up, before it could move anything", () => {
  const { view, pinned, grow } = scrolling();
  grow();
  view.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
  expect(pinned.value).toBe(true);
  view.dispatchEvent(new KeyboardEvent("keydown", { key: "PageUp" }));
  view.dispatchEvent(new Event("scroll")); // of the growth
  grow();
  expect([pinned.value, view.scrollTop]).toEqual([false, 945]);
});
