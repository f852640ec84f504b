// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { isReactive, reactive } from "vue";

import { newConversation, newTurn, type Conversation } from "../src/chat/model";
import { Shelf } from "../src/chat/shelf";

function conversation(updatedAtMs: number, question = "why?"): Conversation {
  return { ...newConversation(updatedAtMs), title: question, turns: [newTurn(question, null)] };
}

function answered(updatedAtMs: number, text: string): Conversation {
  const made = conversation(updatedAtMs);
  for (const turn of made.turns) {
    turn.answer = { status: "finished", parts: [{ type: "text", id: "t", text, open: false }] };
  }
  return made;
}

beforeEach(() => localStorage.clear());

describe("Shelf", () => {
  it("gives back what it was given, newest first", () => {
    const old = answered(1, "old text");
    const young = answered(2, "young text");
    const shelf = new Shelf(localStorage);
    shelf.save(old);
    shelf.save(young);
    const [first, second] = new Shelf(localStorage).load();
    expect(first?.turns[0]?.answer).toEqual(young.turns[0]?.answer);
    expect(second).toEqual(old);
  });

  it("gives back answers that nobody need watch: they are replaced, never changed", () => {
    new Shelf(localStorage).save(answered(1, "text"));
    const [kept] = reactive(new Shelf(localStorage).load());
    expect([isReactive(kept), isReactive(kept?.turns[0]?.answer)]).toEqual([true, false]);
  });

  it("gives back a turn that was busy as busy: streaming with a run, sending without", () => {
    const made = conversation(1);
    made.turns.push(newTurn("and?", "demo"));
    const [sent, streaming] = made.turns;
    if (sent) sent.phase = "sending";
    if (streaming) Object.assign(streaming, { phase: "stopping", run: "run_1" });
    new Shelf(localStorage).save(made);
    const turns = new Shelf(localStorage).load()[0]?.turns;
    expect(turns?.map(({ phase, run }) => [phase, run])).toEqual([
      ["sending", null],
      ["streaming", "run_1"],
    ]);
  });

  it("lets the oldest go when there are too many, and says which", () => {
    const shelf = new Shelf(localStorage, { conversations: 2, characters: 1e6 });
    const made = [3, 1, 2].map((updatedAtMs) => conversation(updatedAtMs));
    const removed = made.flatMap((one) => shelf.save(one));
    expect(removed).toEqual([made[1]?.id]);
    expect(new Shelf(localStorage).load().map(({ updatedAtMs }) => updatedAtMs)).toEqual([3, 2]);
  });

  it("lets the oldest go when there is too much text, but never the one being saved", () => {
    const shelf = new Shelf(localStorage, { conversations: 10, characters: 2000 });
    shelf.save(answered(5, "a".repeat(500)));
    const removed = shelf.save(answered(1, "b".repeat(900)));
    expect(removed).toHaveLength(1);
    expect(shelf.load().map(({ updatedAtMs }) => updatedAtMs)).toEqual([1]);
  });

  it("keeps an answer too large by itself without its text: its run can be read again", () => {
    const shelf = new Shelf(localStorage, { conversations: 10, characters: 2000 });
    shelf.save(answered(1, "x".repeat(5000)));
    const turn = shelf.load()[0]?.turns[0];
    expect(turn?.answer).toEqual({ status: "finished", parts: [] });
    expect(turn?.question).toBe("why?");
  });

  it("keeps an older turn whole or not at all", () => {
    const made = answered(1, "x".repeat(800));
    made.turns.push(...answered(1, "y".repeat(600)).turns);
    const shelf = new Shelf(localStorage, { conversations: 10, characters: 2400 });
    shelf.save(made);
    expect(shelf.load()[0]?.turns).toEqual([made.turns[1]]);
  });

  it("makes room when the browser refuses", () => {
    let room = 1;
    const full = new Proxy(localStorage, {
      get(storage, name) {
        if (name === "setItem") {
          return (key: string, text: string) => {
            if (storage.length >= room) throw new DOMException("full", "QuotaExceededError");
            storage.setItem(key, text);
          };
        }
        const value: unknown = Reflect.get(storage, name, storage);
        return typeof value === "function" ? (value.bind(storage) as unknown) : value;
      },
    });
    const shelf = new Shelf(full);
    const first = conversation(1);
    expect(shelf.save(first)).toEqual([]);
    expect(shelf.save(conversation(2))).toEqual([first.id]);
    room = 0;
    expect(() => shelf.save(conversation(3))).not.toThrow();
  });

  it("leaves out what it cannot read", () => {
    localStorage.setItem("tidewire.conversation.a", "{");
    localStorage.setItem("tidewire.conversation.b", '{"version":99,"id":"b"}');
    localStorage.setItem(
      "tidewire.conversation.c",
      '{"version":1,"id":"c","turns":[null,{"question":1}]}',
    );
    localStorage.setItem("other", "{}");
    expect(new Shelf(localStorage).load()).toEqual([
      { id: "c", title: "", session: null, updatedAtMs: 0, turns: [] },
    ]);
  });
});
