/**
 * Where the console is: `#/view/id`, so that a reload and the back button keep it.
 *
 * The address decides what is shown. A link back to a view leads to where one was in it.
 */

import { reactive, readonly, shallowRef, watch } from "vue";

import type { Conversations } from "./chat/useConversations";

export const VIEWS = ["chat", "rooms", "monitor", "typewriter"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** What the view shows: a conversation, a room; empty for none. */
  readonly id: string;
}

const current = shallowRef(readHash(location.hash));
const visited = reactive(
  Object.fromEntries(VIEWS.map((view) => [view, writeHash({ view, id: "" })])) as Record<
    View,
    string
  >,
);

export const route = readonly(current);
/** The latest address of each view. */
export const lastVisited = readonly(visited);

/** An unknown address is the chat. */
export function readHash(hash: string): Route {
  const [, view, id = ""] = /^#\/(\w+)(?:\/(.*))?$/.exec(hash) ?? [];
  const known = VIEWS.find((name) => name === view);
  return known ? { view: known, id: decode(id) } : { view: "chat", id: "" };
}

export function writeHash({ view, id }: Route): string {
  return id === "" ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}

export function navigate(to: Route): void {
  const hash = writeHash(to);
  if (location.hash !== hash) history.pushState(null, "", hash);
  arrive();
}

/** Ties the chat's address to the conversation that is open. */
export function useChatRoute(conversations: Conversations): void {
  const isKnown = (id: string) => conversations.list.some((one) => one.id === id);

  /** A draft has no address: it becomes a conversation with its first question. */
  function openId(): string {
    const { id } = conversations.current.value;
    return isKnown(id) ? id : "";
  }

  function follow({ view, id }: Route): void {
    if (view !== "chat" || id === openId()) return;
    if (isKnown(id)) conversations.open(id);
    else conversations.startNew();
  }

  watch(current, follow, { immediate: true });
  watch(openId, (id) => {
    if (current.value.view === "chat") navigate({ view: "chat", id });
  });
}

function arrive(): void {
  current.value = readHash(location.hash);
  visited[current.value.view] = writeHash(current.value);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

arrive();
window.addEventListener("popstate", arrive);
