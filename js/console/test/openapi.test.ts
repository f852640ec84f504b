import { describe, expect, it } from "vitest";

import { curlExample, readOperations } from "../src/docs/openapi";

const DOCUMENT = {
  paths: {
    "/api/chat": {
      post: {
        tags: ["chat"],
        description: "Asks.",
        parameters: [
          { name: "dialect", in: "query", schema: { type: "string" }, description: "How" },
        ],
        requestBody: {
          content: { "application/json": { schema: { $ref: "#/components/schemas/Ask" } } },
        },
      },
    },
    "/api/streams/{id}": {
      get: {
        summary: "Subscribe",
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      },
      parameters: [],
    },
  },
  components: {
    schemas: {
      Ask: {
        required: ["message"],
        properties: {
          message: { type: "string", description: "what is asked" },
          model: { anyOf: [{ type: "string" }, { type: "null" }] },
          options: { $ref: "#/components/schemas/Options" },
          stop: { type: "array", items: { type: "string" } },
          end: { enum: ["continue", "cancel"] },
        },
      },
      Options: { type: "object", description: "how" },
    },
  },
};

describe("readOperations", () => {
  const [ask, subscribe] = readOperations(DOCUMENT);

  it("reads parameters and body, through references", () => {
    expect(ask).toMatchObject({ method: "POST", path: "/api/chat", tag: "chat", text: "Asks." });
    expect(
      ask?.fields.map(({ name, place, type, required, note }) => [
        name,
        place,
        type,
        required,
        note,
      ]),
    ).toEqual([
      ["dialect", "query", "string", false, "How"],
      ["message", "body", "string", true, "what is asked"],
      ["model", "body", "string", false, ""],
      ["options", "body", "object", false, "how"],
      ["stop", "body", "string[]", false, ""],
      ["end", "body", '"continue" | "cancel"', false, ""],
    ]);
    expect(subscribe).toMatchObject({ method: "GET", tag: "", text: "Subscribe" });
  });

  it("gives a call for the terminal", () => {
    expect(ask && curlExample(ask, "http://host")).toBe(
      `curl -N http://host/api/chat -H 'Content-Type: application/json' -d '{"message":"…"}'`,
    );
    expect(subscribe && curlExample(subscribe, "http://host")).toBe(
      "curl -N 'http://host/api/streams/{id}'",
    );
  });

  it.each([null, {}, { paths: { "/x": null } }])("finds nothing in %j", (document) => {
    expect(readOperations(document)).toEqual([]);
  });
});
