/** The same code in a window, in a worker and in Node. */

import { afterEach, expect, test, vi } from "vitest";

import { hostPlatform } from "../src/index.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

function pretendPage() {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  vi.stubGlobal("document", document);
  return { window, document };
}

test("a page wakes when the network returns or when it is looked at, until cancelled", () => {
  const { window, document } = pretendPage();
  const wake = vi.fn();
  const cancel = hostPlatform.onWake(wake);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(wake).toHaveBeenCalledTimes(0);
  document.visibilityState = "visible";
  document.dispatchEvent(new Event("visibilitychange"));
  window.dispatchEvent(new Event("online"));
  expect(wake).toHaveBeenCalledTimes(2);
  cancel();
  document.dispatchEvent(new Event("visibilitychange"));
  window.dispatchEvent(new Event("online"));
  expect(wake).toHaveBeenCalledTimes(2);
});

test("what is not there is not asked", () => {
  vi.stubGlobal("navigator", undefined);
  expect(hostPlatform.online()).toBe(true);
  hostPlatform.onWake(() => undefined)();
});

test("what is never due is not due at once", async () => {
  const due = vi.fn();
  const cancel = hostPlatform.schedule(Infinity, due);
  await new Promise((resolve) => setTimeout(resolve, 20));
  cancel();
  expect(due).not.toHaveBeenCalled();
});

test.each([
  [{ onLine: false }, false],
  [{ onLine: true }, true],
  [{}, true],
])("a navigator of %j is online: %j", (navigator, online) => {
  vi.stubGlobal("navigator", navigator);
  expect(hostPlatform.online()).toBe(online);
});

test("ids are long and never the same", () => {
  const ids = Array.from({ length: 100 }, () => hostPlatform.randomId());
  expect(new Set(ids).size).toBe(100);
  expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
});

test("an application's error is reported where the platform shows errors", () => {
  const reportError = vi.fn();
  const logged = vi.spyOn(console, "error").mockReturnValue();
  hostPlatform.report("in Node");
  expect(logged).toHaveBeenCalledWith("in Node");
  vi.stubGlobal("reportError", reportError);
  hostPlatform.report("in a page");
  expect(reportError).toHaveBeenCalledWith("in a page");
  logged.mockRestore();
});
