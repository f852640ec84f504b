/**
 * How often growing text is worth working over again.
 *
 * Small texts: every time. Beyond that the step grows with the text, so that all the
 * work together stays proportional to its final length; what is newer is shown plain.
 */

const SMALL = 4000;

export function worthRedoing(doneLength: number, length: number): boolean {
  return length < SMALL || length - doneLength >= doneLength / 16;
}
