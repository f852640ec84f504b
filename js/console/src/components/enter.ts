/** The Enter that sends. */

/**
 * Not the Enter that picks a word in an input method: that one is marked as composing,
 * in Safari only by key code 229. With Shift it begins a new line.
 */
export function isSendingEnter(event: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells it in Safari
  return !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}
