/**
 * Many channels on one connection, over `GET /api/events`.
 *
 * Its rule: every event carries the name of its channel. The server says where each
 * channel stands when it opens a connection (`stream.open`), and an event's id begins
 * with the position of its own channel. Everything else is a live stream (stream.ts).
 */

import { readCursor } from "./cursor.js";
import type { ServerSentEvent } from "./parser.js";
import type { RequestOptions } from "./request.js";
import type { ClosedState, StreamState } from "./state.js";
import { openStream, type EventStream, type StreamOptions } from "./stream.js";

export interface ChannelEvent extends ServerSentEvent {
  /** Undefined for `stream.open`, which is of them all, and for an event without an id. */
  readonly channel: string | undefined;
}

type Inherited = Omit<
  StreamOptions,
  keyof RequestOptions | "live" | "isTerminal" | "onEvent" | "onReset"
>;

export interface ChannelOptions extends Inherited, Pick<RequestOptions, "headers" | "credentials"> {
  /** Where to begin without a cursor: now, at the start, or so many events back. Default now. */
  from?: "now" | "start" | number;
  onEvent?: (event: ChannelEvent) => void;
  /** `stream.reset`: events of this channel are missing here. */
  onReset?: (event: ChannelEvent) => void;
}

/** As an EventStream; its events know their channels. */
export interface ChannelStream extends AsyncIterable<ChannelEvent> {
  readonly state: StreamState;
  readonly lastEventId: string;
  readonly closed: Promise<ClosedState>;
  subscribe(listener: (state: StreamState) => void): () => void;
  close(): void;
}

/** Subscribes to channels and stays subscribed until closed. Never throws: see `state`. */
export function subscribe(
  baseUrl: string,
  channels: readonly string[],
  { from = "now", onEvent, onReset, ...options }: ChannelOptions = {},
): ChannelStream {
  const query = new URLSearchParams(channels.map((name) => ["channel", name]));
  query.set("from", String(from));
  const names = new ChannelNames();
  const stream = openStream(`${baseUrl}/api/events?${query.toString()}`, {
    ...options,
    live: true,
    ...(onEvent && {
      onEvent: (event) => {
        onEvent(names.name(event));
      },
    }),
    ...(onReset && {
      onReset: (event) => {
        onReset(names.name(event));
      },
    }),
  });
  return new Named(stream, names);
}

class Named implements ChannelStream {
  readonly closed: Promise<ClosedState>;
  readonly #stream: EventStream;
  readonly #names: ChannelNames;

  constructor(stream: EventStream, names: ChannelNames) {
    this.closed = stream.closed;
    this.#stream = stream;
    this.#names = names;
  }

  get state(): StreamState {
    return this.#stream.state;
  }

  get lastEventId(): string {
    return this.#stream.lastEventId;
  }

  subscribe(listener: (state: StreamState) => void): () => void {
    return this.#stream.subscribe(listener);
  }

  close(): void {
    this.#stream.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChannelEvent, undefined> {
    for await (const event of this.#stream) yield this.#names.name(event);
  }
}

/** Which channel an epoch is of, as far as the server has said so. */
class ChannelNames {
  readonly #byEpoch = new Map<string, string>();

  name(event: ServerSentEvent): ChannelEvent {
    return { ...event, channel: this.#channelOf(event) };
  }

  #channelOf({ event, data, id, identified }: ServerSentEvent): string | undefined {
    if (event === "stream.open") {
      this.#learn(...(JSON.parse(data) as { streams: Place[] }).streams);
      return undefined;
    }
    if (event === "stream.reset") {
      const place = JSON.parse(data) as Place;
      if (place.stream === "") return this.#byEpoch.get(epochOf(place.cursor));
      this.#learn(place);
      return place.stream;
    }
    return identified ? this.#byEpoch.get(epochOf(id)) : undefined;
  }

  #learn(...places: Place[]): void {
    for (const { stream, cursor } of places) this.#byEpoch.set(epochOf(cursor), stream);
  }
}

/** Where a channel stands. */
interface Place {
  readonly stream: string;
  readonly cursor: string;
}

function epochOf(cursor: string): string {
  return readCursor(cursor)[0]?.epoch ?? "";
}
