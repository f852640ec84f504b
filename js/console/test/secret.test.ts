// @vitest-environment jsdom
import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { defineComponent, h } from "vue";

import { useModels, type Models } from "../src/api/useModels";

afterEach(() => {
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

it("asks for the server's secret and sends it from then on", async () => {
  const fetch = vi.fn((_: string, { headers }: { headers: Record<string, string> }) => {
    const isKnown = headers["Authorization"] === "Bearer right";
    const models = [{ name: "demo", api: "demo", demo: true }];
    return Promise.resolve(Response.json({ models }, { status: isKnown ? 200 : 401 }));
  });
  vi.stubGlobal("fetch", fetch);
  let models!: Models;
  mount(defineComponent(() => ((models = useModels()), () => h("div"))));
  await flushPromises();
  expect(models.state.value).toBe("locked");
  models.unlock("wrong");
  await flushPromises();
  expect(models.state.value).toBe("locked");
  models.unlock("right");
  await flushPromises();
  expect(models.state.value).toBe("ready");
  expect(models.picked.value).toBe("demo");
});

it("says when the models cannot be listed", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("away")));
  let models!: Models;
  mount(defineComponent(() => ((models = useModels()), () => h("div"))));
  await flushPromises();
  expect(models.state.value).toBe("failed");
  expect(models.picked.value).toBeNull();
});
