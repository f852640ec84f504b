// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { onFrames } from "../src/chat/frames";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it("calls once a frame, however often it is asked to", () => {
  const call = vi.fn();
  const frames = onFrames(call);
  frames.request();
  frames.request();
  vi.advanceTimersToNextFrame();
  expect(call).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1000);
  expect(call).toHaveBeenCalledTimes(1);
});

it("calls though the page was hidden before its frame came", () => {
  vi.spyOn(window, "requestAnimationFrame").mockReturnValue(1);
  const call = vi.fn();
  const frames = onFrames(call);
  frames.request();
  vi.advanceTimersByTime(1000);
  frames.request();
  vi.advanceTimersByTime(1000);
  expect(call).toHaveBeenCalledTimes(2);
});

it("calls no more once it is cancelled", () => {
  const call = vi.fn();
  const frames = onFrames(call);
  frames.request();
  frames.cancel();
  vi.advanceTimersByTime(1000);
  expect(call).not.toHaveBeenCalled();
});
