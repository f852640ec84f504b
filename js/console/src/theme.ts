/** Light or dark: as the system says, until the person picks one. */

import { ref, watchEffect } from "vue";

import { readSetting, writeSetting } from "./settings";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const theme = ref<Theme>(THEMES.find((name) => name === readSetting("theme")) ?? "system");

watchEffect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

/** system → light → dark → system. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  writeSetting("theme", theme.value);
}
