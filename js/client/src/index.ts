/** Tidewire for TypeScript: SSE streams that arrive whole, in windows, workers and Node. */

export { EMPTY_MESSAGE, foldAnswer } from "./answer.js";
export type {
  AnswerError,
  AnswerMessage,
  AnswerPart,
  DataPart,
  FilePart,
  ReasoningPart,
  SourcePart,
  TextPart,
  ToolPart,
} from "./answer.js";
export { readCursor, writeCursor } from "./cursor.js";
export type { Position } from "./cursor.js";
export { ConnectionLost, InvalidCursor, Refused, TidewireError, TooLarge } from "./errors.js";
export { createParser } from "./parser.js";
export type { Parser, ParserOptions, ServerSentEvent } from "./parser.js";
export { readAnswerEvent, TERMINAL_EVENTS } from "./vocabulary.js";
export type { AnswerEvent, AnswerEventData, AnswerEventType, Usage } from "./vocabulary.js";
