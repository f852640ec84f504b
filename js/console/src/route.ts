/** The address of a conversation, `#/chat/{id}`: a reload and the back button keep it. */

import { onBeforeUnmount, onMounted, watch } from "vue";

import type { Conversations } from "./chat/useConversations";

const PREFIX = "#/chat";

export function useRoute(conversations: Conversations): void {
  const { list, current } = conversations;

  function follow(): void {
    const id = location.hash.slice(PREFIX.length + 1);
    if (list.some((conversation) => conversation.id === id)) conversations.open(id);
    else conversations.startNew();
  }

  function show(): void {
    const { id } = current.value;
    const known = list.some((conversation) => conversation.id === id);
    const hash = known ? `${PREFIX}/${id}` : PREFIX;
    if (location.hash !== hash) history.pushState(null, "", hash);
  }

  onMounted(() => {
    follow();
    window.addEventListener("popstate", follow);
  });
  onBeforeUnmount(() => window.removeEventListener("popstate", follow));
  watch(() => current.value.id, show);
}
