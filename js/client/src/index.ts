/** Tidewire for TypeScript: SSE streams that arrive whole, in windows, workers and Node. */

export { readCursor, writeCursor } from "./cursor.js";
export type { Position } from "./cursor.js";
export { ConnectionLost, InvalidCursor, Refused, TidewireError, TooLarge } from "./errors.js";
export { createParser } from "./parser.js";
export type { Parser, ParserOptions, ServerSentEvent } from "./parser.js";
