import { subscribe } from "tidewire";

const news = subscribe("http://127.0.0.1:8400", ["news"]);
await news.add("weather", "storms"); // from now on; rejects if they may not be read
await news.remove("news");
console.log(news.channels, news.state.name);
news.close();
