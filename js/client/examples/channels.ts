import { subscribe } from "tidewire";

const news = subscribe("http://127.0.0.1:8400", ["news", "weather"], { from: 10 });
for await (const { channel, event, data } of news) console.log(channel, event, data);
