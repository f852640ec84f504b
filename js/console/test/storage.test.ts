// @vitest-environment jsdom
import { afterEach, expect, it, vi } from "vitest";

import { newConversation } from "../src/chat/model";
import { Shelf } from "../src/chat/shelf";

const refuse = () => {
  throw new DOMException("Access is denied for this document.", "SecurityError");
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

it("lasts for the visit where the browser keeps nothing", async () => {
  vi.spyOn(window, "localStorage", "get").mockImplementation(refuse);
  vi.spyOn(window, "sessionStorage", "get").mockImplementation(refuse);
  const { kept } = await import("../src/storage");
  const { readSetting, writeSetting } = await import("../src/settings");
  const { authorization, saveSecret } = await import("../src/api/secret");
  writeSetting("theme", "dark");
  saveSecret("open");
  new Shelf(kept).save({ ...newConversation(1), title: "here" });
  expect(readSetting("theme")).toBe("dark");
  expect(authorization()).toEqual({ Authorization: "Bearer open" });
  expect(new Shelf(kept).load().map(({ title }) => title)).toEqual(["here"]);
});
