/** The list of models and the one that is picked; the pick is kept in this browser. */

import { computed, onMounted, ref, type ComputedRef, type Ref } from "vue";

import { readSetting, writeSetting } from "../settings";
import { fetchModels, type ModelInfo } from "./models";

export interface Models {
  readonly list: Ref<ModelInfo[]>;
  readonly failed: Ref<boolean>;
  /** The name to ask; null lets the server choose. */
  readonly picked: ComputedRef<string | null>;
  pick(name: string): void;
  load(): Promise<void>;
}

export function useModels(): Models {
  const list = ref<ModelInfo[]>([]);
  const failed = ref(false);
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
      failed.value = false;
    } catch {
      failed.value = true;
    }
  }

  onMounted(load);
  return { list, failed, picked, pick, load };
}
