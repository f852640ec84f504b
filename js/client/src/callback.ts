/** Calling the application: its errors are its own, and never end a stream. */

import type { Platform } from "./platform.js";

/** Calls the callback, if there is one; what it throws goes to the platform's report. */
export function callSafely<T>(
  platform: Platform,
  callback: ((value: T) => void) | undefined,
  value: T,
): void {
  try {
    callback?.(value);
  } catch (error) {
    platform.report(error);
  }
}
