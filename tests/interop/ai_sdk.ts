// Asks with a chat of the AI SDK and prints what it holds: ai_sdk.ts URL [CUT_AFTER]
// With CUT_AFTER the connection breaks where this has come, and the chat resumes.

import { DefaultChatTransport, type UIMessage } from "ai";
import { Chat, breaking } from "./ai_sdk_parts.ts";

const [server = "", cut] = process.argv.slice(2);

let isFirst = true;
const heads: (string | null)[] = [];
const transport = new DefaultChatTransport<UIMessage>({
  api: `${server}/chat`,
  headers: { "Tidewire-Dialect": "ai-sdk" },
  fetch: async (url, init) => {
    const response = await fetch(url, init);
    heads.push(response.headers.get("x-vercel-ai-ui-message-stream"));
    const breaks = cut !== undefined && isFirst;
    isFirst = false;
    return breaks ? breaking(response, cut) : response;
  },
});

const data: unknown[] = [];
const finished: unknown[] = [];
const chat = new Chat("a/b", transport, {
  onData: (part) => void data.push(part),
  onFinish: ({ finishReason, isAbort }) => void finished.push({ finishReason, isAbort }),
});
await chat.sendMessage({ text: "How is the weather?" });
const before = { status: chat.status, parts: chat.lastMessage?.parts.length };
if (cut !== undefined) await chat.resumeStream();
console.log(
  JSON.stringify({
    heads,
    before,
    status: chat.status,
    error: chat.error?.message ?? null,
    answers: chat.messages.filter(({ role }) => role === "assistant"),
    data,
    finished,
  }),
);
