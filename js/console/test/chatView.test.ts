// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { beforeEach, expect, it, vi } from "vitest";

import { newConversation, newTurn } from "../src/chat/model";
import { Shelf } from "../src/chat/shelf";
import { useConversations, type Conversations } from "../src/chat/useConversations";
import { FakeServer } from "./fakeServer";
import { FakeSource, started, text } from "./fakeSource";

vi.stubGlobal("matchMedia", () => ({ matches: true }));
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe = vi.fn();
    disconnect = vi.fn();
  },
);
Element.prototype.scrollTo = vi.fn();

const { default: ChatView } = await import("../src/components/ChatView.vue");

let source: FakeSource;
let conversations: Conversations;

/** A conversation of so many turns is open. */
function converse(turns: number): void {
  const kept = newConversation(1);
  kept.turns = Array.from({ length: turns }, (_, n) => newTurn(`question ${n}`, null));
  new Shelf(localStorage).save(kept);
  conversations = useConversations(source, new Shelf(localStorage));
}

beforeEach(() => {
  localStorage.clear();
  new FakeServer().on("GET /api/models", () => ({ models: [] }));
  source = new FakeSource();
});

it("shows the latest of many turns, and the earlier ones when asked", async () => {
  converse(65);
  const view = mount(ChatView, { props: { conversations } });
  const questions = () => view.findAll("[data-testid=message-user]").map((one) => one.text());
  expect(questions()).toHaveLength(30);
  expect(questions().at(-1)).toBe("question 64");
  await view.get(".earlier").trigger("click");
  expect(questions()).toHaveLength(60);
  await view.get(".earlier").trigger("click");
  expect(questions()).toHaveLength(65);
  expect(view.find(".earlier").exists()).toBe(false);
});

it("stops what is being answered, though it is not the last turn", async () => {
  converse(0);
  conversations.ask("one", null);
  source.tell(started, text("half"));
  source.watcher.ended({ code: "connection_lost", message: "", retryable: true });
  conversations.ask("two", null);
  source.watcher.ended({ code: "connection_lost", message: "", retryable: true });
  const view = mount(ChatView, { props: { conversations } });
  await view.get("[data-testid=retry]").trigger("click");
  expect(source.resumed).toEqual(["run_1"]);
  await view.get("[data-testid=stop]").trigger("click");
  expect(source.stop).toHaveBeenCalledOnce();
});
