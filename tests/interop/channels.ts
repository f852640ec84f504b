// Follows channels with our client until so many events came: channels.ts URL COUNT CHANNEL…

import { subscribe } from "../../js/client/src/index.ts";

const [server = "", count = "0", ...channels] = process.argv.slice(2);
const seen: { channel: string | undefined; data: string }[] = [];
let connections = 0;
for await (const { channel, event, data } of subscribe(server, channels, { from: "start" })) {
  if (event === "stream.open") connections += 1;
  else seen.push({ channel, data });
  if (seen.length === Number(count)) break;
}
console.log(JSON.stringify({ seen, connections }));
