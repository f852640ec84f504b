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
export { ask, resume } from "./ask.js";
export type {
  Answer,
  AnswerCallbacks,
  AnswerOptions,
  AskOptions,
  Question,
  ResumeOptions,
} from "./ask.js";
export { subscribe } from "./channels.js";
export type { ChannelEvent, ChannelOptions, ChannelStream } from "./channels.js";
export { readCursor, writeCursor } from "./cursor.js";
export type { Position } from "./cursor.js";
export { ConnectionLost, InvalidCursor, Refused, TidewireError, TooLarge } from "./errors.js";
export type { EventStream, StreamCallbacks, StreamOptions } from "./event-stream.js";
export { createParser } from "./parser.js";
export type { Parser, ParserOptions, ServerSentEvent } from "./parser.js";
export { hostPlatform } from "./platform.js";
export type { Platform } from "./platform.js";
export type { HeaderValues, RequestOptions } from "./request.js";
export { readRetryAfter, readStatus, retryDelay, retryPolicy } from "./retry.js";
export type { Failure, RetryOptions, RetryPolicy } from "./retry.js";
export type {
  ClosedState,
  CloseReason,
  ConnectingState,
  IdleState,
  OpenState,
  StreamState,
  WaitingState,
  WaitReason,
} from "./state.js";
export { stopRun } from "./stop.js";
export type { StopOptions } from "./stop.js";
export { openStream } from "./stream.js";
export { fetchTransport } from "./transport.js";
export type { Credentials, Transport, TransportRequest, TransportResponse } from "./transport.js";
export { readAnswerEvent, TERMINAL_EVENTS } from "./vocabulary.js";
export type { AnswerEvent, AnswerEventData, AnswerEventType, Usage } from "./vocabulary.js";
