/** Whether the browser has a network at all; it knows before a connection notices. */

import { onBeforeUnmount, onMounted, ref, type Ref } from "vue";

export function useOnline(): Ref<boolean> {
  const online = ref(navigator.onLine);

  function read(): void {
    online.value = navigator.onLine;
  }

  onMounted(() => {
    window.addEventListener("online", read);
    window.addEventListener("offline", read);
  });
  onBeforeUnmount(() => {
    window.removeEventListener("online", read);
    window.removeEventListener("offline", read);
  });
  return online;
}
