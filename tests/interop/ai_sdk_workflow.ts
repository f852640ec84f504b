// Chats of the AI SDK by its transport of workflows: ai_sdk_workflow.ts URL
// One is cut; one is opened again while it goes on, and cut there; one is stopped.

import { WorkflowChatTransport } from "@ai-sdk/workflow";
import type { UIMessage } from "ai";
import { Chat, breaking } from "./ai_sdk_parts.ts";

const [server = ""] = process.argv.slice(2);
const api = `${server}/api/ai-sdk/chat`;

/** A page with a chat whose first connection breaks behind `cut`; `asked` is what it fetches. */
function open(id: string, cut?: string) {
  const asked: string[] = [];
  const transport = new WorkflowChatTransport<UIMessage>({
    api,
    prepareSendMessagesRequest: ({ id, messages }) => ({
      headers: { "Content-Type": "application/json" },
      body: { id, messages, model: "gpt" },
    }),
    fetch: async (url, init) => {
      asked.push(String(url).slice(api.length));
      const response = await fetch(url, init);
      return cut !== undefined && asked.length === 1 ? breaking(response, cut) : response;
    },
  });
  return { chat: new Chat(id, transport), transport, asked };
}

const cut = open("w1", "and ");
await cut.chat.sendMessage({ text: "How is it?" });

const watched = open("w4");
const watching = watched.chat.sendMessage({ text: "wait" });
await watched.chat.says("Sunny");
await fetch(`${api}/w4/stop`, { method: "POST" });
await watching;

const page = open("w2");
const asking = page.chat.sendMessage({ text: "wait" });
await page.chat.says("Sunny");
const reloaded = open("w2", "and ");
const resuming = reloaded.chat.resumeStream();
await reloaded.chat.says("Sunny");
await open("w3").chat.sendMessage({ text: "go on" });
await Promise.all([asking, resuming]);

const tail: string[] = [];
const run = cut.chat.lastMessage?.id ?? "";
const stream = await open("w5").transport.reconnectToStream({ chatId: run, startIndex: -2 });
for await (const { type } of stream ?? []) tail.push(type);

console.log(
  JSON.stringify({
    run,
    cut: { ...cut.chat.held(), asked: cut.asked },
    page: { ...page.chat.held(), asked: page.asked },
    reloaded: { ...reloaded.chat.held(), asked: reloaded.asked },
    stopped: watched.chat.held(),
    tail,
  }),
);
