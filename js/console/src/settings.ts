/** Small choices kept in this browser. */

import { kept } from "./storage";

const PREFIX = "tidewire.setting.";

export type Setting = "locale" | "theme" | "model" | "person" | "name" | "window";

export function readSetting(name: Setting): string | null {
  return kept.getItem(PREFIX + name);
}

export function writeSetting(name: Setting, value: string): void {
  try {
    kept.setItem(PREFIX + name, value);
  } catch {
    // A full storage refuses; the choice still holds for this visit.
  }
}
