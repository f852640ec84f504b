import { createParser, EMPTY_MESSAGE, foldAnswer, readAnswerEvent } from "tidewire";

const parser = createParser({ maxLineBytes: 1024 * 1024 });
let message = EMPTY_MESSAGE;
const response = await fetch("/api/streams/the-run-id");
const reader = response.body?.getReader();
for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
  for (const event of parser.feed(read.value)) {
    const answerEvent = readAnswerEvent(event);
    if (answerEvent) message = foldAnswer(message, answerEvent);
  }
}
console.log(message.parts, parser.lastEventId);
