// A page that posts with @microsoft/fetch-event-source: read(url, key) gives all that it saw.

import { fetchEventSource } from "@microsoft/fetch-event-source";

async function read(url: string, key: string) {
  const seen: { id: string; event: string; data: string }[] = [];
  let lost = 0;
  await fetchEventSource(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ message: "a table, please" }),
    openWhenHidden: true,
    onmessage: ({ id, event, data }) => void seen.push({ id, event, data }),
    onerror: () => {
      lost += 1;
      return 10; // milliseconds until it tries again
    },
  });
  return { seen, lost };
}

Object.assign(globalThis, { read });
