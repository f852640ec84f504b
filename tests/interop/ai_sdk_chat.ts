// A chat of the AI SDK against our server, and prints what it holds: ai_sdk_chat.ts URL
// It asks, is opened again elsewhere, is stopped; it calls a tool and goes on; it is left.

import { DefaultChatTransport, type UIMessage } from "ai";
import { Chat } from "./ai_sdk_parts.ts";

const [server = ""] = process.argv.slice(2);
const api = `${server}/api/ai-sdk/chat`;

const open = (id: string, body: object) =>
  new Chat(id, new DefaultChatTransport<UIMessage>({ api, body }));

const body = { model: "gpt" };
const chat = "team/7: tides? 🌊"; // the SDK takes any name
const page = open(chat, body);
const asking = page.sendMessage({ text: "wait" });
await page.says("Sunny");
const reloaded = open(chat, body);
const resuming = reloaded.resumeStream();
await reloaded.says("Sunny");
const stopped = await fetch(`${api}/${encodeURIComponent(chat)}/stop`, { method: "POST" });
await Promise.all([asking, resuming]);
const late = open(chat, body);
await late.resumeStream();

const tools = { weather: { description: "How it is", parameters: { type: "object" } } };
const caller = open("c2", { ...body, tools });
await caller.sendMessage({ text: "How is it in Lisbon?" });
const call = caller.lastMessage?.parts.find((part) => part.type === "tool-weather");
await caller.addToolOutput({ tool: "weather", toolCallId: "call_1", output: { sky: "clear" } });
await caller.sendMessage();

const refused = open("c3", { model: "none" });
await refused.sendMessage({ text: "Anybody there?" });

const returning = open("c4", body);
const leaving = returning.sendMessage({ text: "wait" });
await returning.says("Sunny");
await returning.stop();
await leaving;
const left = returning.held();
const coming = returning.resumeStream();
await open("c5", body).sendMessage({ text: "go on" });
await coming;

console.log(
  JSON.stringify({
    stopped: stopped.status,
    page: page.held(),
    reloaded: reloaded.held(),
    sameId: page.lastMessage?.id === reloaded.lastMessage?.id,
    late: late.held(),
    call,
    caller: caller.held(),
    refused: refused.held(),
    left,
    returned: returning.held(),
  }),
);
