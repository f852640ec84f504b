import { describe, expect, it } from "vitest";

import { isPinned, type ScrollPlace } from "../src/scroll/pinned";

const place = (top: number, contentHeight = 1000): ScrollPlace => ({
  top,
  contentHeight,
  viewHeight: 400,
});

describe("following the stream", () => {
  it("lets go at the smallest move upwards", () => {
    expect(isPinned(true, place(600), place(590))).toBe(false);
  });

  it("holds while content grows below", () => {
    expect(isPinned(true, place(600), place(600, 1200))).toBe(true);
  });

  it("holds when content shrinks and the browser moves the view up", () => {
    expect(isPinned(true, place(600, 1000), place(560, 980))).toBe(true);
  });

  it("takes hold again only near the end", () => {
    expect(isPinned(false, place(300), place(400))).toBe(false);
    expect(isPinned(false, place(500), place(585))).toBe(true);
    expect(isPinned(false, place(590), place(585))).toBe(false);
  });

  it("is pinned at the end, however it got there", () => {
    expect(isPinned(false, place(600), place(600))).toBe(true);
  });
});
