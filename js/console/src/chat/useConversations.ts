/**
 * The conversations of this browser: the list, the one that is open, and what is asked
 * in them. Answers go on while another conversation is open, and after a reload.
 */

import { computed, reactive, ref, type ComputedRef, type Ref } from "vue";

import { Answering } from "./answering";
import {
  mergeTurns,
  newConversation,
  newTurn,
  titleOf,
  type Conversation,
  type Failure,
  type Turn,
} from "./model";
import { isBusy } from "./phase";
import { Shelf } from "./shelf";
import type { AnswerSource } from "./source";

const SAVE_EVERY_MS = 1000;

export interface Conversations {
  readonly list: Conversation[];
  readonly current: ComputedRef<Conversation>;
  /** Whether the store had to drop old conversations to keep the new. */
  readonly droppedOld: Ref<boolean>;
  readonly open: (id: string) => void;
  readonly startNew: () => void;
  readonly rename: (id: string, title: string) => void;
  readonly remove: (id: string) => void;
  readonly ask: (question: string, model: string | null) => void;
  readonly stop: (turn: Turn) => void;
  readonly retry: (turn: Turn) => void;
  /** Goes on with every answer that had not ended; call once at the start. */
  readonly resumeAll: () => void;
  /** Takes what another tab has kept of a conversation; null: it was removed there. */
  readonly take: (id: string, kept: Conversation | null) => void;
  /** Saves what is unsaved, at once: the page may be going. */
  readonly saveNow: () => void;
}

export function useConversations(source: AnswerSource, shelf: Shelf): Conversations {
  const list = reactive<Conversation[]>(shelf.load());
  const draft = ref(newConversation(Date.now()));
  const currentId = ref(list[0]?.id ?? draft.value.id);
  const droppedOld = ref(false);
  const answering = new Map<string, Answering>();
  const unsaved = new Set<Conversation>();
  let saveTimer: ReturnType<typeof setTimeout> | undefined;

  const current = computed(() => find(currentId.value) ?? draft.value);

  function find(id: string): Conversation | undefined {
    return list.find((conversation) => conversation.id === id);
  }

  function begin(conversation: Conversation, turn: Turn): Answering {
    const one = new Answering(conversation, turn, source, (urgent) => {
      if (!isBusy(turn.phase)) answering.delete(turn.id);
      saveSoon(conversation);
      if (urgent) saveNow();
    });
    answering.set(turn.id, one);
    return one;
  }

  function ask(question: string, model: string | null): void {
    droppedOld.value = false;
    const conversation = adopt(current.value);
    conversation.title ||= titleOf(question);
    conversation.updatedAtMs = Date.now();
    conversation.turns.push(newTurn(question, model));
    const turn = conversation.turns.at(-1);
    if (turn) begin(conversation, turn).ask();
  }

  /** Puts a conversation at the top of the list; the draft becomes a real one. */
  function adopt(conversation: Conversation): Conversation {
    const at = list.findIndex(({ id }) => id === conversation.id);
    if (at >= 0) list.splice(at, 1);
    else draft.value = newConversation(Date.now());
    list.unshift(conversation);
    currentId.value = conversation.id;
    return list[0] ?? conversation;
  }

  function retry(turn: Turn): void {
    const conversation = list.find(({ turns }) => turns.includes(turn));
    if (!conversation || isBusy(turn.phase)) return;
    // Only the connection was lost: the answer is still at the server, or still coming.
    if (turn.run && turn.answer.status === "streaming" && !isGone(turn.failure)) {
      turn.failure = null;
      begin(conversation, turn).resume(turn.run);
      return;
    }
    conversation.turns.splice(conversation.turns.indexOf(turn), 1);
    currentId.value = conversation.id;
    ask(turn.question, turn.model);
  }

  function remove(id: string): void {
    // Not left as well: an answer that has no name yet is stopped when it has one.
    for (const turn of find(id)?.turns ?? []) if (isBusy(turn.phase)) stop(turn);
    shelf.remove(id);
    unlist(id);
  }

  function forget(id: string): void {
    for (const turn of find(id)?.turns ?? []) {
      answering.get(turn.id)?.leave();
      answering.delete(turn.id);
    }
    unlist(id);
  }

  function unlist(id: string): void {
    const at = list.findIndex((conversation) => conversation.id === id);
    if (at >= 0) list.splice(at, 1);
    if (currentId.value === id) startNew();
  }

  function take(id: string, kept: Conversation | null): void {
    if (kept === null) return forget(id);
    const known = find(id);
    const turns = mergeTurns(known?.turns ?? [], kept.turns, (turn) => answering.has(turn.id));
    if (known) Object.assign(known, kept, { turns });
    else list.push(kept);
    list.sort((a, b) => b.updatedAtMs - a.updatedAtMs);
    const taken = find(id);
    if (!taken) return;
    if (turns.length > kept.turns.length) saveSoon(taken);
    join(taken);
  }

  /** Watches what is being answered in another tab, once it has a name. */
  function join(conversation: Conversation): void {
    for (const turn of conversation.turns) {
      if (turn.run && isBusy(turn.phase) && !answering.has(turn.id)) {
        goOn(conversation, turn);
      }
    }
  }

  function stop(turn: Turn): void {
    answering.get(turn.id)?.stop();
  }

  function startNew(): void {
    currentId.value = draft.value.id;
  }

  function rename(id: string, title: string): void {
    const conversation = find(id);
    if (!conversation || title.trim() === "") return;
    conversation.title = title.trim();
    unsaved.add(conversation);
    saveNow();
  }

  function resumeAll(): void {
    for (const conversation of list) {
      for (const turn of conversation.turns.filter(({ phase }) => isBusy(phase))) {
        goOn(conversation, turn);
      }
    }
  }

  function goOn(conversation: Conversation, turn: Turn): void {
    turn.phase = "idle";
    const one = begin(conversation, turn);
    if (turn.run) one.resume(turn.run);
    else one.ask();
  }

  function saveSoon(conversation: Conversation): void {
    unsaved.add(conversation);
    saveTimer ??= setTimeout(saveNow, SAVE_EVERY_MS);
  }

  function saveNow(): void {
    clearTimeout(saveTimer);
    saveTimer = undefined;
    for (const conversation of unsaved) {
      if (!find(conversation.id)) continue;
      const dropped = shelf.save(conversation);
      dropped.forEach(unlist);
      if (dropped.length > 0) droppedOld.value = true;
    }
    unsaved.clear();
  }

  return {
    list,
    current,
    droppedOld,
    open: (id) => (currentId.value = id),
    startNew,
    rename,
    remove,
    ask,
    stop,
    retry,
    resumeAll,
    take,
    saveNow,
  };
}

/** Whether the server has no such run any more. */
function isGone(failure: Failure | null): boolean {
  return failure?.code === "not_found" || failure?.code === "gone";
}
