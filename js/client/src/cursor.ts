/**
 * Cursors: a place in one or several streams, written as an SSE `id:`.
 *
 * A position is `epoch-offset` with the offset in base 36, or `epoch-offset~within` in
 * the middle of a text event; a cursor is positions joined by `.`, one a stream. A
 * cursor has exactly one spelling, so two cursors are the same place when their texts
 * are equal. One that ends with `.~` was read from a connection whose set of streams was
 * changed while it was open. Pure; never decides whether a stream exists.
 */

import { InvalidCursor } from "./errors.js";

/** A place in one stream. */
export interface Position {
  /** Names this incarnation of the stream. */
  readonly epoch: string;
  /** All events up to this one have been seen; 0: none. */
  readonly offset: number;
  /** Characters already seen of the text event after `offset`. */
  readonly within: number;
}

const MAX_LENGTH = 4096;
const CHANGED = ".~";
const POSITION = /^([A-Za-z0-9]{1,16})-(0|[1-9a-z][0-9a-z]{0,12})(?:~([1-9][0-9]{0,8}))?$/;

/**
 * The positions of a cursor, in order, without the mark of a changed set.
 *
 * Throws InvalidCursor for anything that no Tidewire server has written.
 */
export function readCursor(text: string): Position[] {
  if (text.length > MAX_LENGTH) throw new InvalidCursor("A cursor is 1 to 4096 characters.");
  const places = text.endsWith(CHANGED) ? text.slice(0, -CHANGED.length) : text;
  const positions = places.split(".").map(readPosition);
  if (new Set(positions.map(({ epoch }) => epoch)).size < positions.length) {
    throw new InvalidCursor("A cursor has one position for each stream.");
  }
  return positions;
}

/** The cursor of these positions, in the order given. */
export function writeCursor(positions: readonly Position[]): string {
  return positions.map(writePosition).join(".");
}

function readPosition(text: string): Position {
  const [, epoch, digits, within] = POSITION.exec(text) ?? [];
  const offset = parseInt(digits ?? "", 36);
  // A regular expression's `$` is the end of the text here: no `m` flag, no final LF.
  if (epoch === undefined || !Number.isSafeInteger(offset)) {
    throw new InvalidCursor("A cursor is epoch-offset, joined by dots.");
  }
  return { epoch, offset, within: Number(within ?? 0) };
}

function writePosition({ epoch, offset, within }: Position): string {
  const place = `${epoch}-${offset.toString(36)}`;
  return within > 0 ? `${place}~${within}` : place;
}
