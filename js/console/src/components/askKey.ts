import type { InjectionKey } from "vue";

/** Lets something inside an answer (a card's action) ask the next question. */
export const askKey: InjectionKey<(question: string) => void> = Symbol("ask");
