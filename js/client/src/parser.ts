/**
 * Reading SSE: bytes in, events out (WHATWG HTML, section 9.2.5 and 9.2.6).
 *
 * Bytes may be cut anywhere, even inside a character or between CR and LF: the events
 * are the same. Lines are found among the bytes and decoded one by one, which is safe
 * because CR and LF never occur inside a UTF-8 sequence. Malformed UTF-8 becomes
 * U+FFFD and never raises. Pure: no I/O, no clock; never reconnects.
 */

import { TooLarge } from "./errors.js";

/** One dispatched event. */
export interface ServerSentEvent {
  /** The event's type; `message` where the server named none. */
  readonly event: string;
  /** The data lines, joined by LF. */
  readonly data: string;
  /** The last event id at this point; it stays from event to event. "" if there is none. */
  readonly id: string;
  /** Whether the id was written in this very event, not inherited from an earlier one. */
  readonly identified: boolean;
}

export interface ParserOptions {
  /** The last event id to begin with. Default "". */
  lastEventId?: string;
  /** Longest line in bytes, its end not counted. Default 16 MiB. */
  maxLineBytes?: number;
  /** Most bytes of data in one event. Default 16 MiB. */
  maxEventBytes?: number;
  /** Called with the text of each comment, as it is read. */
  onComment?: (text: string) => void;
}

export interface Parser {
  /**
   * Reads the next bytes; returns the events they complete, in order.
   *
   * Throws TooLarge when a limit is crossed, and on each call from then on until
   * `reset`. Events completed before it in the same bytes are returned; then the next
   * call throws.
   */
  feed(bytes: Uint8Array): ServerSentEvent[];
  /** The stream has ended; then as `reset`. Throws TooLarge if a limit was crossed. */
  end(): void;
  /** Begins with a new connection: forgets an unfinished event and the id in it. */
  reset(): void;
  /** The id to resume from: takes effect at a blank line, outlives a connection. */
  readonly lastEventId: string;
  /** The server's `retry:`, if it sent one that is valid; at most one hour. */
  readonly retryMilliseconds: number | undefined;
}

const LF = 10;
const CR = 13;
const DEFAULT_LIMIT = 16 * 1024 * 1024;
const MAX_RETRY_MILLISECONDS = 3_600_000;
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

/** A parser at the start of a stream. */
export function createParser(options: ParserOptions = {}): Parser {
  return new SseParser(options);
}

class SseParser implements Parser {
  lastEventId: string;
  retryMilliseconds: number | undefined;

  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #maxLineBytes: number;
  readonly #maxEventBytes: number;
  readonly #onComment: ((text: string) => void) | undefined;

  #line = new PendingLine();
  #bomBytes = 0; // of the byte order mark, matched so far; all of them: past the start
  #afterCarriageReturn = false;
  #failure: TooLarge | undefined;

  // The event under way.
  #event = "";
  #data: string[] = [];
  #dataBytes = 0;
  #id: string | undefined;

  constructor(options: ParserOptions) {
    this.lastEventId = options.lastEventId ?? "";
    this.#maxLineBytes = options.maxLineBytes ?? DEFAULT_LIMIT;
    this.#maxEventBytes = options.maxEventBytes ?? DEFAULT_LIMIT;
    this.#onComment = options.onComment;
  }

  feed(bytes: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    try {
      if (this.#failure) throw this.#failure;
      this.#readLines(bytes, events);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      this.#failure = error;
      if (events.length === 0) throw error;
    }
    return events;
  }

  end(): void {
    if (this.#failure) throw this.#failure;
    this.reset();
  }

  reset(): void {
    this.#line = new PendingLine();
    this.#bomBytes = 0;
    this.#afterCarriageReturn = false;
    this.#failure = undefined;
    this.#forgetEvent();
  }

  #readLines(bytes: Uint8Array, events: ServerSentEvent[]): void {
    let start = this.#skipBom(bytes);
    // A CR ended its line at once; the LF of a CRLF pair may come any time later.
    if (this.#afterCarriageReturn && bytes.length > 0) {
      this.#afterCarriageReturn = false;
      if (bytes[0] === LF) start = 1;
    }
    // Each search goes on from where the last one stopped, so a chunk is scanned once.
    let lf = bytes.indexOf(LF, start);
    let cr = bytes.indexOf(CR, start);
    while (lf !== -1 || cr !== -1) {
      const end = lf === -1 || (cr !== -1 && cr < lf) ? cr : lf;
      this.#readLine(this.#finishLine(bytes.subarray(start, end)), events);
      start = end + 1;
      if (end === cr) {
        if (start === bytes.length) this.#afterCarriageReturn = true;
        else if (bytes[start] === LF) start += 1;
        cr = bytes.indexOf(CR, start);
      }
      if (lf !== -1 && lf < start) lf = bytes.indexOf(LF, start);
    }
    this.#hold(bytes.subarray(start));
  }

  /** How many bytes belong to the one byte order mark that may begin the stream. */
  #skipBom(bytes: Uint8Array): number {
    let index = 0;
    while (this.#bomBytes < BOM.length && index < bytes.length) {
      if (bytes[index] !== BOM[this.#bomBytes]) {
        // Not a mark: what looked like one was the start of the first line.
        this.#hold(BOM.subarray(0, this.#bomBytes));
        this.#bomBytes = BOM.length;
        return index;
      }
      this.#bomBytes += 1;
      index += 1;
    }
    return index;
  }

  #hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#checkLine(this.#line.length + piece.length);
    this.#line.append(piece);
  }

  #finishLine(piece: Uint8Array): Uint8Array {
    this.#checkLine(this.#line.length + piece.length);
    return this.#line.length === 0 ? piece : this.#line.take(piece);
  }

  #checkLine(length: number): void {
    if (length > this.#maxLineBytes) {
      throw new TooLarge(`A line of the stream is longer than ${this.#maxLineBytes} bytes.`);
    }
  }

  #readLine(line: Uint8Array, events: ServerSentEvent[]): void {
    if (line.length === 0) {
      this.#dispatch(events);
      return;
    }
    const text = this.#decoder.decode(line);
    const colon = text.indexOf(":");
    if (colon === 0) {
      this.#onComment?.(text.slice(1));
    } else if (colon === -1) {
      this.#readField(text, "", 0);
    } else {
      const skip = text[colon + 1] === " " ? 2 : 1;
      // Only the data field is counted, and its name is ASCII: bytes up to here = characters.
      this.#readField(text.slice(0, colon), text.slice(colon + skip), line.length - colon - skip);
    }
  }

  #readField(name: string, value: string, valueBytes: number): void {
    if (name === "data") this.#addData(value, valueBytes);
    else if (name === "event") this.#event = value;
    else if (name === "id") this.#id = value.includes("\0") ? this.#id : value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) {
      this.retryMilliseconds = Math.min(Number(value), MAX_RETRY_MILLISECONDS);
    }
  }

  #addData(value: string, bytes: number): void {
    this.#dataBytes += bytes + 1;
    if (this.#dataBytes - 1 > this.#maxEventBytes) {
      throw new TooLarge(`An event of the stream has more than ${this.#maxEventBytes} bytes.`);
    }
    this.#data.push(value);
  }

  #dispatch(events: ServerSentEvent[]): void {
    const identified = this.#id !== undefined;
    if (this.#id !== undefined) this.lastEventId = this.#id;
    if (this.#data.length > 0) {
      const data = this.#data.length === 1 ? (this.#data[0] ?? "") : this.#data.join("\n");
      events.push({ event: this.#event || "message", data, id: this.lastEventId, identified });
    }
    this.#forgetEvent();
  }

  #forgetEvent(): void {
    this.#event = "";
    this.#data = [];
    this.#dataBytes = 0;
    this.#id = undefined;
  }
}

/** The start of a line whose end has not come; pieces are joined once, so it is linear. */
class PendingLine {
  length = 0;
  #pieces: Uint8Array[] = [];

  append(piece: Uint8Array): void {
    // A copy: the caller may use its buffer again.
    this.#pieces.push(piece.slice());
    this.length += piece.length;
  }

  /** The whole line with its last piece; nothing is pending afterwards. */
  take(last: Uint8Array): Uint8Array {
    const line = new Uint8Array(this.length + last.length);
    let at = 0;
    for (const piece of [...this.#pieces, last]) {
      line.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.length = 0;
    return line;
  }
}
