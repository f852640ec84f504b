/**
 * Whether the view should follow the stream.
 *
 * Any move upwards lets go at once, however small, so the reader never fights the
 * scroll; coming back to the bottom takes hold again. A view that moved up only because
 * its content shrank was not moved by the reader.
 */

export interface ScrollPlace {
  readonly top: number;
  readonly contentHeight: number;
  readonly viewHeight: number;
}

const NEAR_PX = 24;

export function isPinned(wasPinned: boolean, before: ScrollPlace, now: ScrollPlace): boolean {
  if (distanceToEnd(now) <= 1) return true;
  const wentUp = now.top < before.top - 1 && now.contentHeight >= before.contentHeight;
  if (wentUp) return false;
  const wentDown = now.top > before.top;
  return wasPinned || (wentDown && distanceToEnd(now) <= NEAR_PX);
}

export function distanceToEnd(place: ScrollPlace): number {
  return place.contentHeight - place.viewHeight - place.top;
}
