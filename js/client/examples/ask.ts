import { ask } from "tidewire";

const answer = ask("http://127.0.0.1:8400", {
  message: "Why is the sky blue?",
  onUpdate: (message) => {
    const text = message.parts.map((part) => (part.type === "text" ? part.text : ""));
    console.log(text.join(""));
  },
});

const { reason, error } = await answer.closed;
console.log(reason, error?.message, answer.message.status);
