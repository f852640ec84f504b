/**
 * Every error this package raises on purpose, in one tree.
 *
 * `code` is stable, and for what the server refused it is the server's own; `message`
 * is written for a person. What a callback of the application throws is never wrapped.
 */

/** The root: catch this to catch everything Tidewire raises on purpose. */
export class TidewireError extends Error {
  readonly code: string;
  /** Whether trying the same again can help. */
  readonly retryable: boolean;

  constructor(code: string, message: string, retryable = false, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
  }
}

/** A line or an event over the parser's limit. */
export class TooLarge extends TidewireError {
  constructor(message: string) {
    super("too_large", message);
  }
}

/** A cursor outside its alphabet, length or form. */
export class InvalidCursor extends TidewireError {
  constructor(message: string) {
    super("invalid_cursor", message);
  }
}

/** The server answered, but not with a stream. `status` is its HTTP status. */
export class Refused extends TidewireError {
  readonly status: number;

  constructor(status: number, code: string, message: string, retryable: boolean) {
    super(code, message, retryable);
    this.status = status;
  }
}

/** The connection could not be made, broke, or fell silent. */
export class ConnectionLost extends TidewireError {
  constructor(message: string, options?: ErrorOptions) {
    super("connection_lost", message, true, options);
  }
}
