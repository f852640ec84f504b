// Runs an agent of @ag-ui/client and prints what it holds: ag_ui.ts URL

import { HttpAgent, type Message } from "@ag-ui/client";

const [url = ""] = process.argv.slice(2);
const agent = new HttpAgent({ url, headers: { "Tidewire-Dialect": "ag-ui" }, threadId: "thread_1" });
const question: Message = { id: "q1", role: "user", content: "How is the weather?" };
agent.setMessages([question]);

const types: string[] = [];
const custom: unknown[] = [];
let finished: unknown = null;
let error: string | null = null;
try {
  await agent.runAgent(
    {},
    {
      onEvent: ({ event }) => void types.push(event.type),
      onCustomEvent: ({ event }) => void custom.push({ name: event.name, value: event.value }),
      onRunFinishedEvent: ({ event }) => void (finished = event),
      onRunErrorEvent: ({ event }) => void (error = event.message),
    },
  );
} catch (thrown) {
  error ??= String(thrown);
}
console.log(
  JSON.stringify({ types, custom, finished, error, messages: agent.messages.slice(1) }),
);
