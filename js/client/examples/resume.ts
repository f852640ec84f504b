import { resume } from "tidewire";

const answer = resume("http://127.0.0.1:8400", "the-run-id");
for await (const { event, data } of answer) {
  if (event === "text.delta") console.log(data.delta);
}
