// Runs the TypeScript parser over streams from stdin, one JSON object a line:
// {chunks: base64[], maxLineBytes, maxEventBytes} -> {events, comments, lastEventId, retry, failed}.

import { createInterface } from "node:readline";
import { createParser, type ServerSentEvent } from "../../js/client/src/parser.ts";

interface Stream {
  chunks: string[];
  maxLineBytes: number;
  maxEventBytes: number;
}

function read({ chunks, ...limits }: Stream) {
  const comments: string[] = [];
  const events: ServerSentEvent[] = [];
  const parser = createParser({ ...limits, onComment: (text) => comments.push(text) });
  let failed = false;
  try {
    for (const chunk of chunks) events.push(...parser.feed(Buffer.from(chunk, "base64")));
  } catch {
    failed = true;
  }
  return {
    events: events.map(({ event, data, id }) => [event, data, id]),
    comments,
    lastEventId: parser.lastEventId,
    retry: parser.retryMilliseconds ?? null,
    failed,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(read(JSON.parse(line) as Stream)));
}
