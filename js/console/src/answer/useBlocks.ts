/** A growing text as blocks: the finished ones keep their identity, so they render once. */

import { shallowRef, watch, type ShallowRef } from "vue";

import { BlockSplitter, type Block } from "./blocks";

export function useBlocks(
  text: () => string,
  ended: () => boolean,
): Readonly<ShallowRef<readonly Block[]>> {
  let splitter = new BlockSplitter();
  let taken = "";
  const blocks = shallowRef<readonly Block[]>([]);

  function update(next: string, isEnded: boolean): void {
    if (!next.startsWith(taken)) {
      splitter = new BlockSplitter();
      taken = "";
    }
    splitter.append(next.slice(taken.length));
    taken = next;
    if (isEnded) splitter.end();
    const open = splitter.open;
    blocks.value = open ? [...splitter.finished, open] : [...splitter.finished];
  }

  watch([text, ended] as const, ([next, isEnded]) => update(next, isEnded), { immediate: true });
  return blocks;
}
