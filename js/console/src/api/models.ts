/** The models the server offers. */

import { call } from "./http";

export interface ModelInfo {
  readonly name: string;
  readonly api: string;
  /** Answers from prepared material; must be called a demo wherever it is named. */
  readonly demo: boolean;
}

/** Rejects with Refused or ConnectionLost. */
export async function fetchModels(): Promise<ModelInfo[]> {
  const { models } = (await call("api/models")) as { models: ModelInfo[] };
  return models;
}
