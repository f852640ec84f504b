// Asks with a chat of the AI SDK and prints what it holds: ai_sdk.ts URL [CUT_AFTER]
// With CUT_AFTER the connection breaks where this has come, and the chat resumes.

import { AbstractChat, DefaultChatTransport, type ChatState, type UIMessage } from "ai";

const [server = "", cut] = process.argv.slice(2);

class State implements ChatState<UIMessage> {
  status: ChatState<UIMessage>["status"] = "ready";
  error: Error | undefined = undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage) => void this.messages.push(message);
  popMessage = () => void this.messages.pop();
  replaceMessage = (index: number, message: UIMessage) => void (this.messages[index] = message);
  snapshot = <T>(value: T): T => structuredClone(value);
}

class Chat extends AbstractChat<UIMessage> {}

/** Breaks the body of a response after some text, as a dropped connection does. */
function breaking(response: Response, after: string): Response {
  let seen = "";
  const decoder = new TextDecoder();
  const breaker = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      controller.enqueue(bytes);
      seen += decoder.decode(bytes, { stream: true });
      if (seen.includes(after)) controller.error(new TypeError("network connection lost"));
    },
  });
  return new Response(response.body?.pipeThrough(breaker) ?? null, response);
}

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
const chat = new Chat({
  id: "a/b",
  transport,
  state: new State(),
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
