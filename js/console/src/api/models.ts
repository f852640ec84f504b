/** The models the server offers. */

export interface ModelInfo {
  readonly name: string;
  readonly api: string;
  /** Answers from prepared material; must be called a demo wherever it is named. */
  readonly demo: boolean;
}

/** Rejects if the server cannot be reached or answers something else. */
export async function fetchModels(): Promise<ModelInfo[]> {
  const response = await fetch("api/models", { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`Listing models failed with ${response.status}.`);
  const body = (await response.json()) as { models: ModelInfo[] };
  return body.models;
}
