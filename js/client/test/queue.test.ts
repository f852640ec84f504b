/** What is between a producer and a loop. */

import { expect, test } from "vitest";

import { Queue } from "../src/queue.js";

/** Milliseconds of a loop over so many items that were there before it began. */
async function loop(count: number): Promise<number> {
  const queue = new Queue<number>(() => undefined, () => undefined);
  for (let item = 0; item < count; item += 1) queue.push(item);
  queue.end();
  const began = performance.now();
  let next = 0;
  for await (const item of queue) {
    if (item !== next) throw new Error(`${item} came instead of ${next}.`);
    next += 1;
  }
  expect(next).toBe(count);
  return performance.now() - began;
}

test("a loop that begins late takes time in proportion to what waits for it", async () => {
  await loop(5_000);
  const [few, many] = [await loop(5_000), await loop(80_000)];
  expect(many).toBeLessThan(16 * 5 * Math.max(few, 5));
});
