/** Who is in a room: the server's word, asked for when somebody comes or goes. */

import { onScopeDispose, shallowRef, type ShallowRef } from "vue";

import { person } from "../person";
import { fetchPeople } from "./api";
import { inOrder, type Person } from "./model";

export interface People {
  readonly people: Readonly<ShallowRef<readonly Person[]>>;
  readonly askWhoIsHere: () => void;
}

/** People come and go several at once: asked once for all of them. */
const DELAY_MS = 150;

export function usePeople(room: string): People {
  const people = shallowRef<readonly Person[]>([]);
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(): Promise<void> {
    const here = await fetchPeople(room).catch(() => people.value);
    people.value = inOrder(here, person.id);
  }

  function askWhoIsHere(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void read(), DELAY_MS);
  }

  onScopeDispose(() => clearTimeout(timer));
  return { people, askWhoIsHere };
}
