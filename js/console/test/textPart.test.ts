// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { beforeEach, expect, it, vi } from "vitest";
import { nextTick } from "vue";

import TextPart from "../src/components/parts/TextPart.vue";

const still = vi.fn(() => true);

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: still() }));
});

it("renders a finished block once and touches it no more", async () => {
  const part = mount(TextPart, { props: { text: "# One\n\nTwo **th", open: true } });
  expect(part.get("strong").text()).toBe("th");
  const heading = part.get("h1").element;
  const paragraph = part.get("p").element;
  await part.setProps({ text: "# One\n\nTwo **three**\n\nFour" });
  expect(part.get("h1").element).toBe(heading);
  expect(part.get("p").element).not.toBe(paragraph);
  expect(part.findAll("p").map((block) => block.text())).toEqual(["Two three", "Four"]);
});

it("shows a caret only while more may come", async () => {
  const part = mount(TextPart, { props: { text: "Hello", open: true } });
  expect(part.findAll(".caret")).toHaveLength(1);
  await part.setProps({ open: false });
  expect(part.findAll(".caret")).toHaveLength(0);
});

it("offers to see a page once its code is whole", async () => {
  const part = mount(TextPart, { props: { text: "```html\n<p>hi</p>\n", open: true } });
  expect(part.find("[data-testid=preview]").exists()).toBe(false);
  await part.setProps({ text: "```html\n<p>hi</p>\n```\n" });
  await part.get("[data-testid=preview]").trigger("click");
  expect(part.get("iframe").attributes("sandbox")).toBe("allow-scripts");
});

it("types a burst over a few frames and then stands still", async () => {
  still.mockReturnValue(false);
  vi.useFakeTimers();
  const part = mount(TextPart, { props: { text: "a", open: true } });
  await part.setProps({ text: "a" + "b".repeat(200) });
  vi.advanceTimersByTime(60);
  await nextTick();
  const early = part.text().length;
  expect(early).toBeGreaterThan(1);
  expect(early).toBeLessThan(150);
  vi.advanceTimersByTime(240);
  await nextTick();
  expect(part.text()).toHaveLength(201);
  vi.useRealTimers();
});
