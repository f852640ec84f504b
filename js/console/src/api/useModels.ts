/** The list of models and the one that is picked; the pick is kept in this browser. */

import { Refused } from "tidewire";
import { computed, onMounted, ref, watch, type ComputedRef, type Ref } from "vue";

import { readSetting, writeSetting } from "../settings";
import { fetchModels, type ModelInfo } from "./models";
import { saveSecret, tries } from "./secret";

/** `locked`: the server wants its secret first. */
export type ModelsState = "loading" | "ready" | "failed" | "locked";

export interface Models {
  readonly list: Ref<ModelInfo[]>;
  readonly state: Ref<ModelsState>;
  /** The name to ask; null lets the server choose. */
  readonly picked: ComputedRef<string | null>;
  readonly pick: (name: string) => void;
  readonly load: () => Promise<void>;
  /** Tries the server's secret. */
  readonly unlock: (secret: string) => void;
}

export function useModels(): Models {
  const list = ref<ModelInfo[]>([]);
  const state = ref<ModelsState>("loading");
  const wish = ref(readSetting("model"));

  const picked = computed(() => {
    const wished = list.value.find(({ name }) => name === wish.value);
    return (wished ?? list.value[0])?.name ?? null;
  });

  function pick(name: string): void {
    wish.value = name;
    writeSetting("model", name);
  }

  async function load(): Promise<void> {
    try {
      list.value = await fetchModels();
      state.value = "ready";
    } catch (error) {
      state.value = error instanceof Refused && error.status === 401 ? "locked" : "failed";
    }
  }

  onMounted(load);
  watch(tries, load);
  return { list, state, picked, pick, load, unlock: saveSecret };
}
