/**
 * Many channels on one connection, over `GET /api/events`.
 *
 * Its rule: every event carries the name of its channel. Which channels these are can
 * change on the way: the server is told to change the connection that is open, and where
 * that cannot be done the next one is opened for them, behind what was seen. Everything
 * else is a live stream (stream.ts).
 */

import { call } from "./call.js";
import { Refused } from "./errors.js";
import type { StreamOptions } from "./event-stream.js";
import type { ServerSentEvent } from "./parser.js";
import { Places, type Change, type Place } from "./places.js";
import { hostPlatform } from "./platform.js";
import { addressOf, readHeaders, Requests, type RequestOptions } from "./request.js";
import type { ClosedState, StreamState } from "./state.js";
import { openOver, type ChangingStream } from "./stream.js";
import { fetchTransport, type TransportRequest } from "./transport.js";

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
  /** What is read: the channels of the call, with the changes since that the server has made. */
  readonly channels: readonly string[];
  readonly state: StreamState;
  readonly lastEventId: string;
  readonly closed: Promise<ClosedState>;
  readonly subscribe: (listener: (state: StreamState) => void) => () => void;
  /**
   * Reads more channels, from now on, or fewer; of those that stay nothing is lost.
   *
   * Resolves when the server reads them, waiting for a connection if need be, or when the
   * stream is closed. Rejects with Refused if the server does not let it; then all is as
   * it was, unless only a new connection could tell: then the stream is closed as refused.
   * Changes are made one after the other.
   */
  add(...channels: string[]): Promise<void>;
  remove(...channels: string[]): Promise<void>;
  close(): void;
}

/** Subscribes to channels and stays subscribed until closed. Never throws: see `state`. */
export function subscribe(
  baseUrl: string,
  channels: readonly string[],
  options: ChannelOptions = {},
): ChannelStream {
  return new Subscription(addressOf(baseUrl, "/api/events"), channels, options);
}

/** A server that answers so has judged the change; any other has not made it. */
const REFUSES = [400, 401, 403];

class Subscription implements ChannelStream {
  readonly closed: Promise<ClosedState>;
  readonly #url: string;
  readonly #options: ChannelOptions;
  readonly #places: Places;
  readonly #stream: ChangingStream;
  #changed: Promise<void> = Promise.resolve();
  #onConnected: () => void = () => undefined;

  constructor(url: string, channels: readonly string[], options: ChannelOptions) {
    this.#url = url;
    this.#options = options;
    this.#places = new Places(channels);
    const { onEvent, onReset, ...rest } = options;
    this.#stream = openOver(
      new ChannelRequests(url, this.#places, options),
      {
        ...rest,
        live: true,
        ...(onEvent && { onEvent: this.#naming(onEvent) }),
        ...(onReset && { onReset: this.#naming(onReset) }),
      },
      this.#receive,
    );
    this.closed = this.#stream.closed;
    this.#stream.subscribe(({ name }) => {
      if (name !== "open") this.#places.connection = undefined;
      if (name === "closed") this.#onConnected();
    });
  }

  get channels(): readonly string[] {
    return [...this.#places.names];
  }

  get state(): StreamState {
    return this.#stream.state;
  }

  get lastEventId(): string {
    return this.#stream.lastEventId;
  }

  readonly subscribe = (listener: (state: StreamState) => void): (() => void) =>
    this.#stream.subscribe(listener);

  add(...channels: string[]): Promise<void> {
    return this.#change({ add: channels, remove: [] });
  }

  remove(...channels: string[]): Promise<void> {
    return this.#change({ add: [], remove: channels });
  }

  close(): void {
    this.#stream.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChannelEvent, undefined> {
    for await (const event of this.#stream) yield this.#named(event);
  }

  readonly #receive = (event: ServerSentEvent): void => {
    this.#places.see(event);
    if (event.event === "stream.open") this.#onConnected();
  };

  #naming(tell: (event: ChannelEvent) => void): (event: ServerSentEvent) => void {
    return (event) => {
      tell(this.#named(event));
    };
  }

  #named(event: ServerSentEvent): ChannelEvent {
    return { ...event, channel: this.#places.nameOf(event) };
  }

  #change(change: Change): Promise<void> {
    const done = this.#changed.then(() => this.#make(change));
    this.#changed = done.catch(() => undefined);
    return done;
  }

  async #make(change: Change): Promise<void> {
    const connection = await this.#connected();
    if (connection === undefined) return;
    const told = await this.#tell(connection, change);
    this.#places.change(change, told ?? []);
    if (told && this.#places.connection === connection) return;
    // Nobody there knew the connection, or it went away with the change: the next one has it.
    this.#places.connection = undefined;
    this.#stream.reconnect();
    await this.#connected();
    if (this.state.name === "closed" && this.state.error) throw this.state.error;
  }

  /** The connection that is open, or the next one; none if the stream is closed. */
  async #connected(): Promise<string | undefined> {
    while (this.#places.connection === undefined && this.state.name !== "closed") {
      await new Promise<void>((resolve) => (this.#onConnected = resolve));
    }
    return this.#places.connection;
  }

  /** How things stand at the server after the change; undefined if it was not made. */
  async #tell(connection: string, change: Change): Promise<readonly Place[] | undefined> {
    const { credentials, transport = fetchTransport(), platform = hostPlatform } = this.#options;
    const headers = await readHeaders(this.#options.headers);
    headers.set("Content-Type", "application/json");
    const request = {
      url: `${this.#url}/${connection}`,
      method: "PATCH",
      headers,
      body: JSON.stringify(change),
      ...(credentials && { credentials }),
    };
    try {
      return (JSON.parse(await call(request, transport, platform)) as Changed).streams;
    } catch (error) {
      if (error instanceof Refused && REFUSES.includes(error.status)) throw error;
      return undefined;
    }
  }
}

/** The answer to a change. */
interface Changed {
  readonly streams: readonly Place[];
}

/** Asks for the channels as they are when it asks. */
class ChannelRequests extends Requests {
  readonly #places: Places;

  constructor(url: string, places: Places, { from = "now", ...options }: ChannelOptions) {
    super(() => `${url}?${queryOf(places, from)}`, options, true, options.platform ?? hostPlatform);
    this.#places = places;
  }

  override next(lastEventId: string): Promise<TransportRequest> {
    // The address says which channels; an id that was marked as saying so shall not.
    return super.next(this.#places.cursor() || lastEventId.replace(/\.~$/, ""));
  }
}

function queryOf(places: Places, from: string | number): string {
  const query = new URLSearchParams([...places.names].map((name) => ["channel", name]));
  // Where the others have begun, what comes in begins now.
  query.set("from", places.cursor() === "" ? String(from) : "now");
  return query.toString();
}
