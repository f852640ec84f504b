/**
 * Reads an OpenAPI document into what the page shows: operations and their fields.
 *
 * Knows only the part of OpenAPI that our server writes, follows `$ref` inside the
 * document, and leaves out what it does not know. Pure.
 */

import { isRecord } from "../components/parts/data/json";

export type Place = "path" | "query" | "header" | "body";

export interface Field {
  readonly name: string;
  readonly place: Place;
  readonly type: string;
  readonly required: boolean;
  readonly note: string;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly text: string;
  readonly fields: readonly Field[];
}

type Json = Record<string, unknown>;

const METHODS = ["get", "post", "put", "patch", "delete"];

/** All operations, in the document's order. */
export function readOperations(document: unknown): Operation[] {
  const root = record(document);
  return Object.entries(record(root["paths"])).flatMap(([path, item]) =>
    Object.entries(record(item))
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => readOperation(root, method, path, record(operation))),
  );
}

/** A call that can be pasted into a terminal. */
export function curlExample({ method, path, fields }: Operation, origin: string): string {
  const query = fields
    .filter(({ place, required }) => place === "query" && required)
    .map(({ name }) => `${name}=…`)
    .join("&");
  const url = `${origin}${path}${query && `?${query}`}`;
  const body = fields.filter(({ place, required }) => place === "body" && required);
  const data = JSON.stringify(Object.fromEntries(body.map(({ name }) => [name, "…"])));
  if (body.length > 0) return `curl -N ${url} -H 'Content-Type: application/json' -d '${data}'`;
  return method === "GET" ? `curl -N '${url}'` : `curl -X ${method} '${url}'`;
}

function readOperation(root: Json, method: string, path: string, operation: Json): Operation {
  const [tag] = list(operation["tags"]);
  return {
    method: method.toUpperCase(),
    path,
    tag: text(tag),
    // Docstrings mark code with two backticks; Markdown reads those as well.
    text: text(operation["description"]) || text(operation["summary"]),
    fields: [...readParameters(root, operation), ...readBody(root, operation)],
  };
}

function readParameters(root: Json, operation: Json): Field[] {
  return list(operation["parameters"]).map((parameter) => {
    const { name, in: place, required, schema, description } = resolve(root, parameter);
    const shape = resolve(root, schema);
    const note = text(description) || text(shape["description"]);
    return {
      name: text(name),
      place: text(place) as Place,
      type: typeName(root, shape),
      required: required === true,
      note,
    };
  });
}

function readBody(root: Json, operation: Json): Field[] {
  const content = record(record(operation["requestBody"])["content"]);
  const schema = resolve(root, record(content["application/json"])["schema"]);
  const required = list(schema["required"]);
  return Object.entries(record(schema["properties"])).map(([name, property]) => {
    const shape = resolve(root, property);
    return {
      name,
      place: "body",
      type: typeName(root, shape),
      required: required.includes(name),
      note: text(shape["description"]),
    };
  });
}

function typeName(root: Json, shape: Json): string {
  const values = list(shape["enum"]);
  if (values.length > 0) return values.map((value) => JSON.stringify(value)).join(" | ");
  const choices = list(shape["anyOf"]).map((choice) => typeName(root, resolve(root, choice)));
  if (choices.length > 0) return choices.filter((choice) => choice !== "null").join(" | ");
  const type = text(shape["type"]) || "object";
  return type === "array" ? `${typeName(root, resolve(root, shape["items"]))}[]` : type;
}

function resolve(root: Json, value: unknown): Json {
  const reference = text(record(value)["$ref"]);
  if (!reference.startsWith("#/")) return record(value);
  const steps = reference.slice(2).split("/");
  return steps.reduce((at, step) => record(at[step]), root);
}

function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
