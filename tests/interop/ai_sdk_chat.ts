// A chat of the AI SDK against our server, and prints what it holds: ai_sdk_chat.ts URL
// It asks, is opened again elsewhere, is stopped; then it calls a tool and goes on.

import { AbstractChat, DefaultChatTransport, type ChatState, type UIMessage } from "ai";

const [server = ""] = process.argv.slice(2);
const api = `${server}/api/ai-sdk/chat`;

class State implements ChatState<UIMessage> {
  status: ChatState<UIMessage>["status"] = "ready";
  error: Error | undefined = undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage) => void this.messages.push(message);
  popMessage = () => void this.messages.pop();
  replaceMessage = (index: number, message: UIMessage) => void (this.messages[index] = message);
  snapshot = <T>(value: T): T => structuredClone(value);
}

class Chat extends AbstractChat<UIMessage> {
  constructor(id: string, body: object) {
    super({ id, transport: new DefaultChatTransport<UIMessage>({ api, body }), state: new State() });
  }

  get text(): string {
    const parts = this.lastMessage?.role === "assistant" ? this.lastMessage.parts : [];
    return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  }

  async says(text: string): Promise<void> {
    while (!this.text.includes(text)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  held = () => ({ status: this.status, error: this.error?.message ?? null, text: this.text });
}

const body = { model: "gpt" };
const page = new Chat("c1", body);
const asking = page.sendMessage({ text: "wait" });
await page.says("Sunny");
const reloaded = new Chat("c1", body);
const resuming = reloaded.resumeStream();
await reloaded.says("Sunny");
const stopped = await fetch(`${server}/api/sessions/c1/stop`, { method: "POST" });
await Promise.all([asking, resuming]);
const late = new Chat("c1", body);
await late.resumeStream();

const tools = { weather: { description: "How it is", parameters: { type: "object" } } };
const caller = new Chat("c2", { ...body, tools });
await caller.sendMessage({ text: "How is it in Lisbon?" });
const call = caller.lastMessage?.parts.find((part) => part.type === "tool-weather");
await caller.addToolOutput({ tool: "weather", toolCallId: "call_1", output: { sky: "clear" } });
await caller.sendMessage();

const refused = new Chat("c3", { model: "none" });
await refused.sendMessage({ text: "Anybody there?" });

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
  }),
);
