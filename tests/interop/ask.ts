// Asks a server with our client and prints how it ended: ask.ts URL QUESTION

import { ask } from "../../js/client/src/index.ts";

const [server = "", message = ""] = process.argv.slice(2);
const answer = ask(server, { message });
const { reason } = await answer.closed;
console.log(JSON.stringify({ reason, message: answer.message }));
