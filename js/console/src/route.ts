/** The address of a conversation, `#/chat/{id}`: a reload and the back button keep it. */

import { onBeforeUnmount, onMounted, watch } from "vue";

import type { Conversations } from "./chat/useConversations";

const PREFIX = "#/chat";

export function useRoute(conversations: Conversations): void {
  const isKnown = (id: string) => conversations.list.some((one) => one.id === id);

  function follow(): void {
    const id = location.hash.slice(PREFIX.length + 1);
    if (isKnown(id)) conversations.open(id);
    else conversations.startNew();
  }

  /** A draft has no address: it becomes a conversation with its first question. */
  function address(): string {
    const { id } = conversations.current.value;
    return isKnown(id) ? `${PREFIX}/${id}` : PREFIX;
  }

  onMounted(() => {
    follow();
    window.addEventListener("popstate", follow);
  });
  onBeforeUnmount(() => window.removeEventListener("popstate", follow));
  watch(address, (hash) => {
    if (location.hash !== hash) history.pushState(null, "", hash);
  });
}
