/** One room while one is in it: what was said, who is here, who is typing. */

import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { useLive, type Live } from "../api/useLive";
import { onFrames } from "../chat/frames";
import { fetchHistory, roomUrl } from "./api";
import { withoutText, type Entry, type Person, type Said } from "./model";
import { usePeople } from "./usePeople";
import { useTyping } from "./useTyping";

export interface Room extends Live {
  readonly entries: Readonly<ShallowRef<readonly Entry[]>>;
  readonly people: Readonly<ShallowRef<readonly Person[]>>;
  readonly typing: Readonly<ShallowRef<readonly Person[]>>;
  /** There is more before what is shown. */
  readonly hasEarlier: Readonly<Ref<boolean>>;
  readonly showEarlier: () => Promise<void>;
}

/** More than this on the page is of no use to anybody. */
const MOST_ENTRIES = 1000;

/** Joins a room, and leaves it with the scope. */
export function useRoom(room: string): Room {
  const entries = shallowRef<readonly Entry[]>([]);
  const { people, askWhoIsHere } = usePeople(room);
  const { typing, hint, forget } = useTyping();
  /** Where the stream goes on behind the history; null until that is here. */
  const cursor = ref<string | null>(null);
  const before = ref<string | null>(null);
  const hasEarlier = ref(false);
  let isReading = false;
  const arrived: Entry[] = [];
  const url = roomUrl(room);

  const frames = onFrames(() => {
    const all = [...entries.value, ...arrived.splice(0)];
    entries.value = all.slice(-MOST_ENTRIES);
    // A page of the history would no longer join what is shown.
    if (all.length > MOST_ENTRIES) hasEarlier.value = false;
  });

  function add(entry: Entry): void {
    arrived.push(entry);
    frames.request();
  }

  /** Without a history, the stream begins with the latest events by itself. */
  async function join(): Promise<void> {
    const page = await readPage().catch(() => null);
    cursor.value ??= page?.cursor ?? "";
  }

  async function readPage() {
    const page = await fetchHistory(room, before.value ?? undefined);
    before.value = page.before;
    hasEarlier.value = page.before !== null;
    entries.value = [...page.messages.map(asEntry), ...entries.value];
    return page;
  }

  async function showEarlier(): Promise<void> {
    if (isReading) return;
    isReading = true;
    await readPage().catch(() => undefined);
    isReading = false;
  }

  const live = useLive({
    url: () => (cursor.value === null ? null : url),
    cursor: () => cursor.value ?? "",
    onOpen: askWhoIsHere,
    onEvent({ event, id, data }) {
      if (event === "room.message") {
        const said = JSON.parse(data) as Said;
        add(asEntry(said));
        forget(said.user);
      } else if (event === "room.deleted") {
        frames.flush();
        entries.value = withoutText(entries.value, (JSON.parse(data) as { id: string }).id);
      } else if (event === "room.typing") hint(JSON.parse(data) as Person);
      else if (event === "stream.reset") add({ kind: "reset", id: `reset-${id}` });
      else askWhoIsHere();
    },
  });

  void join();
  onScopeDispose(() => frames.cancel());
  return { ...live, entries, people, typing, hasEarlier, showEarlier };
}

function asEntry(said: Said): Entry {
  return { kind: "said", said };
}
