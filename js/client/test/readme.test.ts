/** The README shows the examples as they are; `tsc` checks them with the rest. */

import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the README shows every example, and nothing that is not one", () => {
  const shown = [...read("../README.md").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  const files = readdirSync(new URL("../examples", import.meta.url));
  const examples = files.map((name) => read(`../examples/${name}`));
  expect(shown.sort()).toEqual(examples.sort());
});
