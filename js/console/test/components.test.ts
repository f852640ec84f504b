// @vitest-environment jsdom
import { mount } from "@vue/test-utils";
import { describe, expect, it, vi } from "vitest";
import { nextTick } from "vue";

import { newConversation, newTurn, type Turn } from "../src/chat/model";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";

vi.stubGlobal("matchMedia", () => ({ matches: true }));

const { setLocale } = await import("../src/i18n");
const { default: ChatComposer } = await import("../src/components/ChatComposer.vue");
const { default: ConnectionLine } = await import("../src/components/ConnectionLine.vue");
const { default: AnswerMessage } = await import("../src/components/AnswerMessage.vue");
const { default: ConversationList } = await import("../src/components/ConversationList.vue");
const { default: ModelPicker } = await import("../src/components/ModelPicker.vue");

describe("ChatComposer", () => {
  const typed = async (text: string) => {
    const composer = mount(ChatComposer, { props: { phase: "idle" } });
    await composer.get("textarea").setValue(text);
    return composer;
  };

  it("sends on Enter and empties the field", async () => {
    const composer = await typed("  hello  ");
    await composer.get("textarea").trigger("keydown", { key: "Enter" });
    expect(composer.emitted("send")).toEqual([["hello"]]);
    expect(composer.get("textarea").element.value).toBe("");
  });

  it.each([{ shiftKey: true }, { isComposing: true }, { keyCode: 229 }])(
    "does not send on Enter with %j",
    async (state) => {
      const composer = await typed("nihao");
      await composer.get("textarea").trigger("keydown", { key: "Enter", ...state });
      expect(composer.emitted("send")).toBeUndefined();
    },
  );

  it("keeps what is typed while an answer streams", async () => {
    const composer = await typed("next");
    await composer.setProps({ phase: "streaming" });
    await composer.get("textarea").trigger("keydown", { key: "Enter" });
    expect(composer.emitted("send")).toBeUndefined();
    expect(composer.get("textarea").element.value).toBe("next");
  });

  it("offers Stop while busy, once", async () => {
    const composer = mount(ChatComposer, { props: { phase: "streaming" } });
    await composer.get("[data-testid=stop]").trigger("click");
    expect(composer.emitted("stop")).toHaveLength(1);
    await composer.setProps({ phase: "stopping" });
    expect(composer.get("[data-testid=stop]").attributes("disabled")).toBeDefined();
  });
});

describe("ConnectionLine", () => {
  const line = (turn: Partial<Turn>) =>
    mount(ConnectionLine, { props: { turn: { ...newTurn("q", null), ...turn } } });

  it("counts down for the eye, and not for the ear", () => {
    const atMs = Date.now() + 4_500;
    const shown = line({
      phase: "streaming",
      connection: { state: "reconnecting", atMs },
    });
    expect(shown.text()).toContain("Reconnecting in 5 s");
    expect(shown.get("[aria-live]").text()).toBe("Connection lost. Reconnecting");
  });

  it.each<[Partial<Turn>, string]>([
    [{}, "ready"],
    [{ phase: "streaming", connection: { state: "open" } }, "open"],
    [{ phase: "streaming", connection: { state: "offline" } }, "offline"],
    [{ phase: "idle", connection: { state: "ended" } }, "ended"],
    [{ phase: "idle", answer: { status: "stopped", parts: [] } }, "stopped"],
    [{ phase: "idle", failure: { code: "x", message: "", retryable: true } }, "failed"],
  ])("tells %j as %s", (turn, state) => {
    expect(line(turn).attributes("data-state")).toBe(state);
  });
});

describe("AnswerMessage", () => {
  const show = (turn: Partial<Turn>) =>
    mount(AnswerMessage, { props: { turn: { ...newTurn("q", null), ...turn } } });

  it("draws each part by its kind", () => {
    const answer = show({
      answer: {
        status: "finished",
        parts: [
          { type: "reasoning", id: "r", text: "Hm.", open: false },
          { type: "text", id: "t", text: "**Bold**\n\n```js\nlet a\n```", open: false },
          {
            type: "tool",
            id: "c",
            name: "get_time",
            args: "{}",
            state: "output",
            input: {},
            output: 5,
          },
          {
            type: "data",
            name: "card",
            data: { title: "Card", fields: [{ label: "L", value: 1 }] },
          },
          { type: "data", name: "table", data: { columns: ["A"], rows: [["cell"]] } },
          { type: "data", name: "unheard-of", data: { key: "value" } },
          { type: "source", id: "s", url: "javascript:alert(1)", title: "Source" },
        ],
      },
    });
    expect(answer.find(".reasoning button").attributes("aria-expanded")).toBe("false");
    expect(answer.find("strong").text()).toBe("Bold");
    expect(answer.find("figure .hljs-keyword").text()).toBe("let");
    expect(answer.find(".tool.done").text()).toContain("get_time");
    expect(answer.find(".card").text()).toContain("L");
    expect(answer.find("td").text()).toBe("cell");
    expect(answer.text()).toContain('"value"');
    expect(answer.find("a.source").exists()).toBe(false);
  });

  it("shows why it failed and lets the person retry", async () => {
    const failure = { code: "upstream_broken", message: "It broke.", retryable: true };
    const answer = show({ failure });
    expect(answer.get("[role=alert]").text()).toContain("It broke.");
    await answer.get("[data-testid=retry]").trigger("click");
    expect(answer.emitted("retry")).toHaveLength(1);
  });

  it("says why it failed in the person's language, else in the server's words", () => {
    const why = (code: string) => show({ failure: { code, message: "It broke.", retryable: true } });
    setLocale("zh");
    try {
      expect(why("interrupted").get("[role=alert]").text()).toContain("服务器中途停止了。");
      expect(why("upstream_refused").get("[role=alert]").text()).toContain("It broke.");
    } finally {
      setLocale("en");
    }
    expect(why("interrupted").get("[role=alert]").text()).toContain("It broke.");
  });

  it("folds the thinking away when it is over, unless the reader chose otherwise", async () => {
    const thinking = (open: boolean) => ({
      ...newTurn("q", null),
      phase: "streaming" as const,
      answer: {
        status: "streaming" as const,
        parts: [{ type: "reasoning" as const, id: "r", text: "Hm.", open }],
      },
    });
    const answer = mount(AnswerMessage, { props: { turn: thinking(true) } });
    const isUnfolded = () => answer.get(".reasoning button").attributes("aria-expanded");
    expect(isUnfolded()).toBe("true");
    await answer.setProps({ turn: thinking(false) });
    expect(isUnfolded()).toBe("false");
    await answer.get(".reasoning button").trigger("click");
    await answer.setProps({ turn: thinking(true) });
    await answer.setProps({ turn: thinking(false) });
    await nextTick();
    expect(isUnfolded()).toBe("true");
  });
});

describe("ConversationList", () => {
  const show = () => {
    const conversation = { ...newConversation(1), title: "Tides" };
    const props = { list: [conversation], currentId: "" };
    return mount(ConversationList, { props, attachTo: document.body });
  };

  it.each([
    ["Enter", "submit", {}, [["Waves"]]],
    ["Escape", "keydown", { key: "Escape" }, undefined],
  ])("gives the focus back after a new title, by %s", async (_, event, init, renamed) => {
    const list = show();
    const escaped = vi.fn();
    document.body.addEventListener("keydown", escaped);
    await list.get("[aria-label=Rename]").trigger("click");
    await list.get("input").setValue("Waves");
    await list.get("input").trigger(event, init);
    await nextTick();
    expect(document.activeElement).toBe(list.get(".title").element);
    expect(list.emitted("rename")?.map(([, title]) => [title])).toEqual(renamed);
    expect(escaped).not.toHaveBeenCalled();
    list.unmount();
  });

  it("says which conversation its buttons are of", () => {
    const list = show();
    for (const button of list.findAll("[aria-label=Rename], [aria-label=Delete]")) {
      const described = button.attributes("aria-describedby") ?? "";
      expect(document.getElementById(described)?.textContent).toBe("Tides");
    }
    list.unmount();
  });

  it("gives the focus on when a conversation is removed", async () => {
    const list = show();
    await list.get("[data-testid=remove]").trigger("click");
    await list.get("[data-testid=confirm-remove]").trigger("click");
    expect(list.emitted("remove")).toHaveLength(1);
    expect(document.activeElement).toBe(list.get("[data-testid=new-session]").element);
    list.unmount();
  });
});

it("calls a demo a demo", () => {
  const list = [
    { name: "demo", api: "demo", demo: true },
    { name: "fast", api: "demo", demo: true },
    { name: "gpt", api: "openai", demo: false },
  ];
  const models = { list: { value: list }, picked: { value: "demo" }, state: { value: "ready" } };
  const picker = mount(ModelPicker, { props: { models } as InstanceType<typeof ModelPicker>["$props"] });
  expect(picker.findAll("option").map((option) => option.text())).toEqual([
    "Demo model",
    "fast · demo",
    "gpt",
  ]);
});

it("says in Chinese all that it says in English, with the same blanks to fill", () => {
  const blanks = (words: string) => words.match(/\{\w+\}/g) ?? [];
  for (const [key, words] of Object.entries(en)) {
    expect(blanks(zh[key as keyof typeof zh]), key).toEqual(blanks(words));
  }
});
