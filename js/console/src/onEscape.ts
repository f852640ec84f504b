/** Escape, wherever the focus is; a field that has a use of its own for it keeps it. */

import { onBeforeUnmount, onMounted } from "vue";

export function onEscape(callback: () => void): void {
  function hear({ key }: KeyboardEvent): void {
    if (key === "Escape") callback();
  }

  onMounted(() => document.addEventListener("keydown", hear));
  onBeforeUnmount(() => document.removeEventListener("keydown", hear));
}
