import { defineConfig } from "vitest/config";

// Tests of real sockets take their time where the machine is busy.
export default defineConfig({ test: { testTimeout: 20_000 } });
