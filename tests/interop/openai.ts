// Asks our server with the openai package and prints what it was told: openai.ts URL

import OpenAI from "openai";
import type { Response, ResponseStreamEvent } from "openai/resources/responses/responses";

const [server = ""] = process.argv.slice(2);
const gpt = new OpenAI({ apiKey: "none", baseURL: `${server}/v1`, maxRetries: 0 });

const model = "gpt";
const parameters = { type: "object", properties: { city: { type: "string" } } };
const weather = { name: "weather", description: "How it is", parameters };

async function completions() {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "How is it?" }];
  const whole = await gpt.chat.completions.create({ model, messages });
  const options = { include_usage: true };
  const stream = gpt.chat.completions.stream({ model, messages, stream_options: options });
  return { whole, streamed: await stream.finalChatCompletion() };
}

async function tools(stream: boolean) {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "How is it?" }];
  const question = { model, messages, tools: [{ type: "function" as const, function: weather }] };
  const asked = stream
    ? await gpt.chat.completions.stream(question).finalChatCompletion()
    : await gpt.chat.completions.create(question);
  const message = asked.choices[0]!.message;
  const call = message.tool_calls![0]!;
  messages.push(message, { role: "tool", tool_call_id: call.id, content: "sun" });
  const told = await gpt.chat.completions.create(question);
  return { reason: asked.choices[0]!.finish_reason, call, answer: told.choices[0]!.message.content };
}

async function response() {
  const tools = [{ type: "function" as const, strict: false, ...weather }];
  const asked = await gpt.responses.create({ model, input: "How is it?", tools });
  const output = asked.output.map((item) =>
    item.type === "function_call"
      ? { type: "function_call_output" as const, call_id: item.call_id, output: "sun" }
      : item,
  );
  const input = [...asked.output, ...output] as OpenAI.Responses.ResponseInput;
  const stream = gpt.responses.stream({ model, input, tools });
  const numbers: number[] = [];
  for await (const event of stream) numbers.push(event.sequence_number);
  return { called: asked.output, numbers, streamed: await stream.finalResponse() };
}

async function cancelled() {
  const begun = await gpt.responses.create({ model, input: "wait", background: true, stream: true });
  let id = "";
  const types: string[] = [];
  const answers: Response[] = [];
  for await (const event of begun) {
    types.push(event.type);
    if (event.type === "response.created") id = event.response.id;
    if (event.type === "response.output_text.delta") answers.push(await gpt.responses.cancel(id));
  }
  return { types, answers: [...answers, await gpt.responses.cancel(id)] };
}

async function resumed() {
  const begun = await gpt.responses.create({ model, input: "wait", background: true, stream: true });
  const seen: ResponseStreamEvent[] = [];
  for await (const event of begun) {
    seen.push(event);
    if (event.type === "response.output_text.delta") break; // and the connection is cut
  }
  const { id } = (seen[0] as { response: Response }).response;
  const { status } = await gpt.responses.retrieve(id);
  await gpt.chat.completions.create({ model, messages: [{ role: "user", content: "go on" }] });
  const starting_after = seen.at(-1)!.sequence_number;
  const rest = await gpt.responses.retrieve(id, { stream: true, starting_after });
  for await (const event of rest) seen.push(event);
  const accumulated = gpt.responses.stream({ response_id: id, starting_after });
  return {
    status,
    events: seen.map(({ type, sequence_number }) => ({ type, sequence_number })),
    whole: await gpt.responses.retrieve(id),
    accumulated: await accumulated.finalResponse(),
  };
}

async function refused(model: string) {
  const messages = [{ role: "user" as const, content: "Anybody there?" }];
  try {
    await gpt.chat.completions.create({ model, messages, stream: true });
  } catch (error) {
    const { constructor, status, code, message } = error as InstanceType<typeof OpenAI.APIError>;
    return { name: constructor.name, status, code, message };
  }
  return null;
}

const report = {
  completions: await completions(),
  tools: [await tools(true), await tools(false)],
  response: await response(),
  cancelled: await cancelled(),
  resumed: await resumed(),
  refused: [await refused("none"), await refused("gone")],
};
console.log(JSON.stringify(report));
