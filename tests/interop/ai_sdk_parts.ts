// Parts of the programs that chat with the AI SDK: a chat without a framework, a bad network.

import { AbstractChat, type ChatState, type ChatTransport, type UIMessage } from "ai";

class State implements ChatState<UIMessage> {
  status: ChatState<UIMessage>["status"] = "ready";
  error: Error | undefined = undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage) => void this.messages.push(message);
  popMessage = () => void this.messages.pop();
  replaceMessage = (index: number, message: UIMessage) => void (this.messages[index] = message);
  snapshot = <T>(value: T): T => structuredClone(value);
}

type Options = Omit<ConstructorParameters<typeof AbstractChat<UIMessage>>[0], "state">;

export class Chat extends AbstractChat<UIMessage> {
  constructor(id: string, transport: ChatTransport<UIMessage>, more: Options = {}) {
    super({ id, transport, state: new State(), ...more });
  }

  get text(): string {
    const parts = this.lastMessage?.role === "assistant" ? this.lastMessage.parts : [];
    return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  }

  async says(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      if (this.error !== undefined) throw this.error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  held = () => ({ status: this.status, error: this.error?.message ?? null, text: this.text });
}

/** Breaks the body of a response behind a text, as a dropped connection does. */
export function breaking(response: Response, after: string): Response {
  let seen = "";
  const decoder = new TextDecoder();
  const breaker = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      const from = seen.length;
      seen += decoder.decode(bytes, { stream: true });
      const at = seen.indexOf(after);
      if (at < 0) return controller.enqueue(bytes);
      controller.enqueue(new TextEncoder().encode(seen.slice(from, at + after.length)));
      controller.error(new TypeError("network connection lost"));
    },
  });
  return new Response(response.body?.pipeThrough(breaker) ?? null, response);
}
