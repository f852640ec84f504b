/** The cases that both languages run, as they stand in `spec/cases`. */

import { readFileSync } from "node:fs";

export function readCases(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../spec/cases/${name}.json`, import.meta.url), "utf8"),
  );
}
