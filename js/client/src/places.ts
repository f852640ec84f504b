/**
 * Which channels are read on one connection, and where each of them stands.
 *
 * Its rule: the address names the channels, the cursor has a place for each that is
 * known. So what is asked for is always the set as it is now, whatever set an id was of.
 * The id of an event begins with the place of its own channel.
 */

import { readCursor } from "./cursor.js";
import type { ServerSentEvent } from "./parser.js";

/** Where a channel stands. */
export interface Place {
  readonly stream: string;
  readonly cursor: string;
}

/** What `PATCH /api/events/{connection}` is told. */
export interface Change {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** The data of `stream.open`. */
interface Open {
  readonly connection: string;
  readonly streams: readonly Place[];
}

export class Places {
  /** The connection's id at the server, once it has said it. */
  connection: string | undefined;
  readonly names: Set<string>;
  readonly #byName = new Map<string, string>();
  readonly #ownerOf = new Map<string, string>();

  constructor(names: Iterable<string>) {
    this.names = new Set(names);
  }

  /** Takes what the event says, be it of channels that are not wanted (yet). */
  see({ event, data, id, identified }: ServerSentEvent): void {
    if (event === "stream.open") {
      const { connection, streams } = JSON.parse(data) as Open;
      this.connection = connection;
      for (const place of streams) this.#stand(place);
    } else if (event === "stream.reset") {
      const place = JSON.parse(data) as Place;
      if (place.stream !== "") this.#stand(place);
    } else if (identified) {
      const cursor = first(id);
      const stream = this.#ownerOf.get(epochOf(cursor));
      if (stream !== undefined) this.#stand({ stream, cursor });
    }
  }

  /** The channel an event is of, as far as the server has said so. */
  nameOf({ event, data, id, identified }: ServerSentEvent): string | undefined {
    if (event === "stream.open") return undefined;
    if (event !== "stream.reset") return identified ? this.#owner(id) : undefined;
    const { stream, cursor } = JSON.parse(data) as Place;
    return stream === "" ? this.#owner(cursor) : stream;
  }

  /** Reads other channels from now on; `added` is where those that come in begin. */
  change({ add, remove }: Change, added: readonly Place[]): void {
    for (const name of remove) {
      this.names.delete(name);
      this.#byName.delete(name);
    }
    const kept = new Set(this.names);
    for (const name of add) this.names.add(name);
    for (const place of added) {
      // One that is read already stands where its last event was, whatever is on its way.
      if (add.includes(place.stream) && !kept.has(place.stream)) this.#begin(place);
    }
  }

  /** The cursor of the channels that are wanted; empty if none of them has a place. */
  cursor(): string {
    return [...this.names].flatMap((name) => this.#byName.get(name) ?? []).join(".");
  }

  /** Unless more than that has come already. */
  #begin(place: Place): void {
    const known = this.#byName.get(place.stream);
    if (known === undefined || !isBehind(known, place.cursor)) this.#stand(place);
  }

  #stand({ stream, cursor }: Place): void {
    this.#byName.set(stream, cursor);
    this.#ownerOf.set(epochOf(cursor), stream);
  }

  #owner(cursor: string): string | undefined {
    return this.#ownerOf.get(epochOf(first(cursor)));
  }
}

/** Whether this is a later place in the same stream. */
function isBehind(place: string, other: string): boolean {
  const [a, b] = [readCursor(place)[0], readCursor(other)[0]];
  return a !== undefined && a.epoch === b?.epoch && a.offset > b.offset;
}

/** The position of the event's own channel. */
function first(cursor: string): string {
  return cursor.split(".", 1)[0] ?? "";
}

function epochOf(position: string): string {
  return readCursor(position)[0]?.epoch ?? "";
}
