import { fileURLToPath } from "node:url";

import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

/** The `tidewire serve` that answers while the console is worked on. */
const BACKEND = process.env["TIDEWIRE_URL"] ?? "http://127.0.0.1:8400";

export default defineConfig({
  base: "./",
  plugins: [vue()],
  resolve: {
    // The client's source, so that neither tests nor builds wait for its build.
    alias: { tidewire: fileURLToPath(new URL("../client/src/index.ts", import.meta.url)) },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": BACKEND, "/docs": BACKEND, "/openapi.json": BACKEND },
  },
  build: {
    reportCompressedSize: false,
    rolldownOptions: { input: ["index.html", "docs.html"] },
    // What is built in asks to be named wherever it goes, and goes into every wheel.
    license: { fileName: "licenses.md" },
  },
  // Styles are left out but for the colours, whose contrast is tested.
  test: { environment: "node", include: ["test/**/*.test.ts"], css: { include: /tokens\.css/ } },
});
