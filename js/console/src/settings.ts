/** Small choices kept in this browser. Where storage is refused, they last for the visit. */

const PREFIX = "tidewire.setting.";

export type Setting = "locale" | "theme" | "model" | "person" | "name" | "window";

export function readSetting(name: Setting): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function writeSetting(name: Setting, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows and full storage refuse; the choice still holds for this visit.
  }
}
