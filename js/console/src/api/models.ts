/** The models the server offers. */

import { Refused } from "tidewire";

import { authorization } from "./secret";

export interface ModelInfo {
  readonly name: string;
  readonly api: string;
  /** Answers from prepared material; must be called a demo wherever it is named. */
  readonly demo: boolean;
}

/** Rejects with Refused if the server answers anything else, otherwise if it is away. */
export async function fetchModels(): Promise<ModelInfo[]> {
  const headers = { Accept: "application/json", ...authorization() };
  const response = await fetch("api/models", { headers });
  if (!response.ok) {
    throw new Refused(response.status, "models", "The models could not be listed.", true);
  }
  const body = (await response.json()) as { models: ModelInfo[] };
  return body.models;
}
