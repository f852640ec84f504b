// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { badge, type Kept } from "../src/notifications/model";
import NotificationBell from "../src/notifications/NotificationBell.vue";
import { person } from "../src/person";
import { FakeServer } from "./fakeServer";

let server: FakeServer;
let kept: Kept[];

const note = (id: string, read = false): Kept => ({
  id,
  title: `Note ${id}`,
  at: 1_000,
  read,
  to: "user",
});
const settle = () => vi.advanceTimersByTimeAsync(200);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  kept = [note("1"), note("0", true)];
  server.on("GET /api/notifications/list", () => ({
    notifications: kept,
    unread: kept.filter(({ read }) => !read).length,
    cursor: "u-3.a-1",
  }));
});
afterEach(() => vi.useRealTimers());

async function bell() {
  const shown = mount(NotificationBell, { attachTo: document.body });
  await settle();
  return shown;
}

it("counts what is unread, and goes on behind the list", async () => {
  const shown = await bell();
  expect(shown.get("[data-testid=unread]").text()).toBe("1");
  expect(shown.get("[data-testid=bell]").attributes("aria-label")).toBe("Notifications, 1 unread");
  expect(server.streams[0]?.asked.headers.get("Last-Event-ID")).toBe("u-3.a-1");
  expect(shown.find("[data-testid=toast]").exists()).toBe(false);
  shown.unmount();
  expect(server.streams[0]?.isLeft).toBe(true);
});

it("shows a new one for a moment, says it, and keeps it", async () => {
  const shown = await bell();
  const spoken = shown.get("[role=status]");
  expect(spoken.text()).toBe("");
  kept = [note("2"), ...kept];
  server.streams[0]?.send("notification", note("2"), "u-4.a-1");
  await settle();
  expect(shown.get("[data-testid=toast]").text()).toContain("Note 2");
  expect(spoken.text()).toBe("New notification: Note 2");
  expect(shown.get("[data-testid=unread]").text()).toBe("2");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(shown.find("[data-testid=toast]").exists()).toBe(false);
  shown.unmount();
});

it("leaves a new one where it is while it has the focus", async () => {
  const shown = await bell();
  server.streams[0]?.send("notification", note("2"), "u-4.a-1");
  await settle();
  await shown.get("[data-testid=toast] button").trigger("focusin");
  await vi.advanceTimersByTimeAsync(60_000);
  await shown.get("[data-testid=toast] button").trigger("focusout");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(shown.find("[data-testid=toast]").exists()).toBe(false);
  shown.unmount();
});

it("does not tell once more what came while the list was open", async () => {
  const shown = await bell();
  await shown.get("[data-testid=bell]").trigger("click");
  server.streams[0]?.send("notification", note("2"), "u-4.a-1");
  await settle();
  await shown.get("[data-testid=bell]").trigger("click");
  expect(shown.find("[data-testid=notifications]").exists()).toBe(false);
  expect(shown.find("[data-testid=toast]").exists()).toBe(false);
  shown.unmount();
});

it("is closed by Escape, wherever the focus is, and gives it back to the bell", async () => {
  const shown = await bell();
  await shown.get("[data-testid=bell]").trigger("click");
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await settle();
  expect(shown.find("[data-testid=notifications]").exists()).toBe(false);
  expect(document.activeElement).toBe(shown.get("[data-testid=bell]").element);
  shown.unmount();
});

it("is counted, too, where the server could first be asked later", async () => {
  const answer = { notifications: kept, unread: 1, cursor: "u-3.a-1" };
  server.on("GET /api/notifications/list", () => {
    if (server.streams.length === 0) throw new Error();
    return answer;
  });
  const shown = await bell();
  expect(shown.get("[data-testid=unread]").text()).toBe("1");
  shown.unmount();
});

it("hears what was read in another tab", async () => {
  const shown = await bell();
  kept = kept.map(({ id }) => note(id, true));
  server.streams[0]?.send("notification.read", { ids: ["1"], unread: 0, at: 1 }, "u-4.a-1");
  await settle();
  expect(shown.find("[data-testid=unread]").exists()).toBe(false);
  shown.unmount();
});

it("marks one, or all, as read", async () => {
  const shown = await bell();
  await shown.get("[data-testid=bell]").trigger("click");
  await shown.get("[data-testid=mark-read]").trigger("click");
  expect(document.activeElement).toBe(shown.get("[data-testid=notifications]").element);
  await shown.get("[data-testid=read-all]").trigger("click");
  const bodies = server.of("POST /api/notifications/read").map(({ body }) => body);
  expect(bodies).toEqual([{ ids: ["1"] }, { all: true }]);
  shown.unmount();
});

it("sends one to oneself, to somebody, or to all", async () => {
  const shown = await bell();
  await shown.get("[data-testid=bell]").trigger("click");
  const send = async (to: string, id = "") => {
    await shown.get("[data-testid=send-to]").setValue(to);
    if (id) await shown.get("[data-testid=send-to-id]").setValue(id);
    await shown.get("[data-testid=send-title]").setValue("Hello");
    await shown.get("[data-testid=send-now]").trigger("submit");
    await settle();
  };
  await send("me");
  await send("other", "bo");
  await send("all");
  const sent = server.asked.filter(({ body }) => JSON.stringify(body) === '{"title":"Hello"}');
  expect(sent.map(({ path }) => path)).toEqual([
    `/api/users/${person.id}/notifications`,
    "/api/users/bo/notifications",
    "/api/notifications/broadcast",
  ]);
  expect(shown.text()).toContain("Sent.");
  shown.unmount();
});

it.each([
  [1, "1"],
  [99, "99"],
  [100, "99+"],
])("writes %d as %s", (unread, written) => {
  expect(badge(unread)).toBe(written);
});
