/**
 * Who sits at this browser: an id that stays, and a name that others read.
 *
 * All tabs are one person. Nothing here proves who somebody is.
 */

import { reactive, readonly } from "vue";

import { readSetting, writeSetting } from "./settings";

export const NAME_LENGTH = 40;

const known = reactive({
  id: readSetting("person") ?? newPerson(),
  name: readSetting("name") ?? "",
});

/** `name` is empty until one was chosen. */
export const person = readonly(known);

export function setName(name: string): void {
  known.name = name.trim().slice(0, NAME_LENGTH);
  writeSetting("name", known.name);
}

/** The query by which the server knows the caller, where a header cannot carry it. */
export function asCaller(): URLSearchParams {
  return new URLSearchParams({ user: known.id, name: known.name || known.id });
}

function newPerson(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  const id = "p-" + Array.from(bytes, (byte) => byte.toString(36).padStart(2, "0")).join("");
  writeSetting("person", id);
  return id;
}
