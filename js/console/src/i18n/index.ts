/** The language of the console: the browser's, until the person picks one. */

import { computed, ref, watchEffect } from "vue";

import { readSetting, writeSetting } from "../settings";
import { en } from "./en";
import { failuresZh } from "./failures.zh";
import { liveEn } from "./live.en";
import { liveZh } from "./live.zh";
import { zh } from "./zh";

export type Locale = "en" | "zh";

const WORDS = { en: { ...en, ...liveEn }, zh: { ...zh, ...liveZh } };

export type Word = keyof (typeof WORDS)["en"];

export const locale = ref<Locale>(initialLocale());

export const otherLocale = computed<Locale>(() => (locale.value === "en" ? "zh" : "en"));

watchEffect(() => {
  document.documentElement.lang = locale.value === "zh" ? "zh-CN" : "en";
});

export function setLocale(next: Locale): void {
  locale.value = next;
  writeSetting("locale", next);
}

/** The words for `key` in the current language, with `{name}` filled in. */
export function t(key: Word, values: Record<string, string | number> = {}): string {
  return WORDS[locale.value][key].replace(/\{(\w+)\}/g, (_, name: string) =>
    String(values[name] ?? ""),
  );
}

/** What the server said of a failure, in the current language where its code tells as much. */
export function failureText(code: string, message: string): string {
  return locale.value === "zh" ? (failuresZh[code] ?? message) : message;
}

function initialLocale(): Locale {
  const chosen = readSetting("locale");
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
