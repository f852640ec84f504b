/** One room while one is in it: what is said, who is here, who is typing. */

import { onScopeDispose, shallowRef, type ShallowRef } from "vue";

import { useLive, type Live } from "../api/useLive";
import { onFrames } from "../chat/frames";
import { person } from "../person";
import { fetchPeople, roomUrl } from "./api";
import { inOrder, withEntries, type Entry, type Person, type Said } from "./model";
import { useTyping } from "./useTyping";

export interface Room extends Live {
  readonly entries: Readonly<ShallowRef<readonly Entry[]>>;
  readonly people: Readonly<ShallowRef<readonly Person[]>>;
  readonly typing: Readonly<ShallowRef<readonly Person[]>>;
}

/** People come and go several at once: asked once for all of them. */
const PRESENCE_DELAY_MS = 150;

export function useRoom(room: () => string): Room {
  const entries = shallowRef<readonly Entry[]>([]);
  const people = shallowRef<readonly Person[]>([]);
  const { typing, hint, forget } = useTyping();
  let arrived: Entry[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const frames = onFrames(() => {
    entries.value = withEntries(entries.value, arrived.splice(0));
  });

  function add(entry: Entry): void {
    arrived.push(entry);
    frames.request();
  }

  async function readPeople(): Promise<void> {
    const asked = room();
    const here = await fetchPeople(asked).catch(() => null);
    if (here && asked === room()) people.value = inOrder(here, person.id);
  }

  /** The list of who is here is the server's: history tells who was. */
  function askWhoIsHere(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void readPeople(), PRESENCE_DELAY_MS);
  }

  const live = useLive({
    url: () => roomUrl(room()),
    onBegin() {
      entries.value = people.value = arrived = [];
      forget();
    },
    onEvent({ event, id, data }) {
      if (event === "room.message") {
        const said = JSON.parse(data) as Said;
        add({ kind: "said", said });
        forget(said.user);
      } else if (event === "room.typing") hint(JSON.parse(data) as Person);
      else if (event === "stream.reset") add({ kind: "reset", id: `reset-${id}` });
      else askWhoIsHere();
    },
  });

  onScopeDispose(() => {
    clearTimeout(timer);
    frames.cancel();
  });
  return { ...live, entries, people, typing };
}
