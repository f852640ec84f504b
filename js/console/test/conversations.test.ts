// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { answerText, titleOf, type Turn } from "../src/chat/model";
import { Shelf } from "../src/chat/shelf";
import { useConversations, type Conversations } from "../src/chat/useConversations";
import { FakeSource, finished, started, text } from "./fakeSource";

let source: FakeSource;
let conversations: Conversations;

function begin(): void {
  source = new FakeSource();
  conversations = useConversations(source, new Shelf(localStorage));
}

function lastTurn(): Turn {
  const turn = conversations.current.value.turns.at(-1);
  if (!turn) throw new Error("There is no turn.");
  return turn;
}

function shown(): string {
  vi.advanceTimersToNextFrame();
  return answerText(lastTurn().answer);
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  begin();
});
afterEach(() => vi.useRealTimers());

describe("asking", () => {
  it("carries a question to the end of its answer", () => {
    conversations.ask("Why do tides come twice a day, everywhere?", "demo");
    expect(conversations.current.value.title).toBe("Why do tides come twice a day,…");
    expect(lastTurn().phase).toBe("sending");
    source.tell(started, text("Because "), text("of the moon."));
    expect(lastTurn().phase).toBe("streaming");
    expect(shown()).toBe("Because of the moon.");
    source.tell(finished);
    source.watcher.ended(null);
    expect(lastTurn()).toMatchObject({ phase: "idle", failure: null, run: "run_1" });
    expect(lastTurn().answer.status).toBe("finished");
  });

  it("folds a burst into one change a frame", () => {
    conversations.ask("burst", null);
    source.tell(started, ...Array.from({ length: 100 }, () => text("x")));
    expect(answerText(lastTurn().answer)).toBe("");
    expect(shown()).toHaveLength(100);
  });

  it("goes on in the session that the server named", () => {
    conversations.ask("one", null);
    source.tell(started, finished);
    source.watcher.ended(null);
    conversations.ask("two", null);
    expect(source.asked.map(({ session }) => session)).toEqual([null, "ses_1"]);
  });
});

describe("stopping", () => {
  it("waits for the stream to say so, and keeps the text", async () => {
    conversations.ask("long", null);
    source.tell(started, text("half"));
    conversations.stop(lastTurn());
    expect(lastTurn().phase).toBe("stopping");
    source.tell({ event: "run.stopped", data: {} });
    source.watcher.ended(null);
    await Promise.resolve();
    expect(source.stop).toHaveBeenCalledOnce();
    expect(lastTurn()).toMatchObject({ phase: "idle", failure: null });
    expect(answerText(lastTurn().answer)).toBe("half");
  });

  it("gives the button back when the stop did not get through", async () => {
    conversations.ask("long", null);
    source.tell(started);
    source.watcher.connection({ state: "open" });
    source.stop.mockRejectedValueOnce(new Error("away"));
    conversations.stop(lastTurn());
    await vi.waitFor(() => expect(lastTurn().phase).toBe("streaming"));
  });

  it("that meets a lost connection is said again on the next one", async () => {
    conversations.ask("long", null);
    source.tell(started);
    source.watcher.connection({ state: "offline" });
    source.stop.mockRejectedValueOnce(new Error("away"));
    conversations.stop(lastTurn());
    await Promise.resolve();
    expect(lastTurn().phase).toBe("stopping");
    source.watcher.connection({ state: "open" });
    expect(source.stop).toHaveBeenCalledTimes(2);
    await Promise.resolve();
    expect(lastTurn().phase).toBe("stopping");
  });

  it.each(["before", "after"])("takes back a question that never got through (told %s)", (when) => {
    const offline = () => source.watcher.connection({ state: "offline" });
    conversations.ask("lost", null);
    if (when === "before") offline();
    conversations.stop(lastTurn());
    if (when === "after") offline();
    expect(lastTurn()).toMatchObject({ phase: "idle", failure: { code: "not_sent" } });
    expect(source.close).toHaveBeenCalledOnce();
  });
});

describe("failing", () => {
  it("keeps the text and asks anew on retry", () => {
    conversations.ask("break", "demo");
    const failed = { code: "upstream_broken", message: "It broke.", retryable: true };
    source.tell(started, text("half"), { event: "run.failed", data: failed });
    source.watcher.ended(null);
    expect(lastTurn()).toMatchObject({ phase: "idle", failure: failed });
    expect(answerText(lastTurn().answer)).toBe("half");
    conversations.retry(lastTurn());
    expect(conversations.current.value.turns).toHaveLength(1);
    expect(source.asked.map(({ message }) => message)).toEqual(["break", "break"]);
    expect(new Set(source.asked.map(({ key }) => key)).size).toBe(2);
  });

  it("reads the same run on retry when only the connection was lost", () => {
    conversations.ask("away", null);
    source.tell(started, text("half"));
    source.watcher.ended({ code: "connection_lost", message: "", retryable: true });
    conversations.retry(lastTurn());
    expect(source.asked).toHaveLength(1);
    expect(source.resumed).toEqual(["run_1"]);
    expect(lastTurn()).toMatchObject({ phase: "streaming", failure: null });
  });

  it.each(["not_found", "gone"])("asks anew on retry when the run is %s", (code) => {
    conversations.ask("away", null);
    source.tell(started, text("half"));
    source.watcher.ended({ code, message: "", retryable: false });
    conversations.retry(lastTurn());
    expect(source.asked).toHaveLength(2);
  });
});

describe("a reload", () => {
  it("goes on with the run, and never shows less than before", () => {
    conversations.ask("long", null);
    source.tell(started, text("one two "));
    shown();
    conversations.saveNow();

    begin();
    conversations.resumeAll();
    conversations.open(conversations.list[0]?.id ?? "");
    expect(source.resumed).toEqual(["run_1"]);
    source.tell(started, text("one "));
    expect(shown()).toBe("one two ");
    source.tell(text("two three"));
    expect(shown()).toBe("one two three");
  });

  it("asks again under the same key when the run's name had not come yet", () => {
    conversations.ask("early", null);
    const key = source.asked[0]?.key;
    begin();
    conversations.resumeAll();
    expect(source.asked[0]?.key).toBe(key);
  });

  it("keeps what was shown when the server has lost the run", () => {
    conversations.ask("gone", null);
    source.tell(started, text("kept"));
    shown();
    conversations.saveNow();
    begin();
    conversations.resumeAll();
    conversations.open(conversations.list[0]?.id ?? "");
    source.watcher.ended({ code: "not_found", message: "", retryable: false });
    expect(answerText(lastTurn().answer)).toBe("kept");
    expect(lastTurn().phase).toBe("idle");
  });
});

describe("the list", () => {
  it("renames, removes and forgets", () => {
    conversations.ask("first", null);
    const { id } = conversations.current.value;
    conversations.rename(id, "  better  ");
    expect(new Shelf(localStorage).load()[0]?.title).toBe("better");
    conversations.remove(id);
    expect(new Shelf(localStorage).load()).toEqual([]);
    expect(conversations.current.value.turns).toEqual([]);
  });

  it("stops what is removed, though its run has no name yet: it is not left before", () => {
    conversations.ask("first", null);
    conversations.remove(conversations.current.value.id);
    expect(source.stop).toHaveBeenCalledOnce();
    expect(source.close).not.toHaveBeenCalled();
    source.tell(started, { event: "run.stopped", data: {} });
    source.watcher.ended(null);
    vi.advanceTimersByTime(2_000);
    expect(new Shelf(localStorage).load()).toEqual([]);
  });

  it("cuts a title at thirty characters, whole ones", () => {
    expect(titleOf("  a\n b ")).toBe("a b");
    expect(titleOf("🌊".repeat(31))).toBe("🌊".repeat(30) + "…");
  });
});

describe("another tab", () => {
  let there: Conversations;
  let theirs: FakeSource;
  let id: string;

  const keyOf = () => `tidewire.conversation.${id}`;

  /** This tab hears what the other has kept; a tab does not hear its own. */
  function hearOfIt(newValue = localStorage.getItem(keyOf())): void {
    const end = new Shelf(localStorage).onOtherTab(conversations.take);
    const init = { key: keyOf(), newValue, storageArea: localStorage };
    window.dispatchEvent(new StorageEvent("storage", init));
    end();
  }

  beforeEach(() => {
    conversations.ask("one", null);
    source.tell(started, finished);
    source.watcher.ended(null);
    id = conversations.current.value.id;
    theirs = new FakeSource();
    there = useConversations(theirs, new Shelf(localStorage));
  });

  const questions = (of: Conversations) =>
    of.list.find((one) => one.id === id)?.turns.map(({ question }) => question);

  it("that asks in the same conversation loses nothing of it, nor has it lost", () => {
    there.ask("two", null);
    const kept = localStorage.getItem(keyOf());
    conversations.ask("three", null);
    hearOfIt(kept);
    expect(questions(conversations)).toEqual(["one", "two", "three"]);
    conversations.saveNow();
    expect(new Shelf(localStorage).load()[0]?.turns).toHaveLength(3);
  });

  it("is watched while it is answered, as soon as the run has its name", () => {
    there.ask("two", null);
    hearOfIt();
    expect(source.resumed).toEqual([]);
    theirs.tell({ event: "run.started", data: { run: "run_2" } });
    hearOfIt();
    hearOfIt();
    expect(source.resumed).toEqual(["run_2"]);
    source.tell(text("Both "), text("see it."));
    expect(shown()).toBe("Both see it.");
  });

  it("that removes a conversation has removed it here", () => {
    there.remove(id);
    hearOfIt();
    expect(questions(conversations)).toBeUndefined();
    expect(conversations.current.value.turns).toEqual([]);
  });

  it("that begins one has begun it here, and leaves open what is", () => {
    vi.advanceTimersByTime(1);
    there.startNew();
    there.ask("new", null);
    const [open, made] = [id, there.current.value.id];
    id = made;
    hearOfIt();
    expect(conversations.list.map((one) => one.id)).toEqual([made, open]);
    expect(conversations.current.value.id).toBe(open);
  });
});
