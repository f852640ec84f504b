/** Who is typing: a hint holds for a few seconds, or until something was said. */

import { onScopeDispose, shallowRef, type ShallowRef } from "vue";

import { person } from "../person";
import type { Person } from "./model";

const HOLDS_MS = 5_000;

export interface Typing {
  readonly typing: Readonly<ShallowRef<readonly Person[]>>;
  readonly hint: (who: Person) => void;
  /** One person has stopped; without a name, all have. */
  readonly forget: (user?: string) => void;
}

export function useTyping(): Typing {
  const typing = shallowRef<readonly Person[]>([]);
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  function hint(who: Person): void {
    if (who.user === person.id) return;
    forget(who.user);
    typing.value = [...typing.value, who];
    timers.set(who.user, setTimeout(forget, HOLDS_MS, who.user));
  }

  function forget(user?: string): void {
    const leaving = user === undefined ? [...timers.keys()] : [user];
    for (const one of leaving) {
      clearTimeout(timers.get(one));
      timers.delete(one);
    }
    typing.value = typing.value.filter((one) => timers.has(one.user));
  }

  onScopeDispose(() => forget());
  return { typing, hint, forget };
}
