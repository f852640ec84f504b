import { openStream } from "tidewire";

const stream = openStream("/api/channels/news", {
  live: true,
  headers: async () => ({ Authorization: `Bearer ${await freshToken()}` }),
  onStateChange: (state) => {
    if (state.name === "waiting") console.log(`${state.reason}, again at ${state.retryAt}`);
  },
  onReset: ({ data }) => {
    console.log("Some events are gone:", data);
  },
});

for await (const { id, event, data } of stream) {
  console.log(id, event, data);
  if (data === "enough") break; // leaving the loop closes the stream
}

declare function freshToken(): Promise<string>;
