/** What an application pays for this package, in bytes over the wire. */

import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { expect, test } from "vitest";

async function size(names: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export ${names} from "./index.ts"`,
      resolveDir: fileURLToPath(new URL("../src", import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}

test.each([
  ["*", 8500],
  ["{ openStream }", 5220],
  ["{ subscribe }", 6700],
  ["{ createParser }", 1400],
  ["{ foldAnswer, EMPTY_MESSAGE }", 1300],
])("export %s is at most %i bytes", async (names, budget) => {
  const bytes = await size(names);
  expect(bytes).toBeGreaterThan(budget / 3);
  expect(bytes).toBeLessThanOrEqual(budget);
});
