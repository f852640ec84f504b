"""``ag-ui``: the events of AG-UI 1.0, each with the cursor as its ``id:``.

``RUN_STARTED`` first; text as ``TEXT_MESSAGE_*``, reasoning as ``REASONING_*``, calls as
``TOOL_CALL_*``, each message with an id of its own that begins with the run's; sources,
data and files as ``CUSTOM``; everything closed, then ``RUN_FINISHED`` (a stop: outcome
``cancelled``) or ``RUN_ERROR`` – not ``[DONE]``, at which clients fail. The thread is the
session or, without one, the run.

A reader that begins in the middle of an answer is told ``RUN_STARTED`` first, and the
start of every part that is open: then what follows is in order for one that has seen
nothing. These have no id.

``stream.reset`` is a ``CUSTOM`` event, for the run goes on after it; where nothing can
follow (``gone``) it is ``RUN_ERROR``. A connection that ends before its run ends with
``retry:`` alone: clients that know cursors come back, and must not be told that the run
has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from tidewire.answers.events import (
    AnswerEvent,
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolError,
    ToolReady,
    ToolResult,
    ToolStart,
)
from tidewire.dialects.base import Dialect, data_frame, to_json
from tidewire.dialects.features import Feature
from tidewire.dialects.strict import Start, StrictEncoder, Unfinished

__all__ = ["AgUi"]

Json: TypeAlias = dict[str, Any]


class _Encoder(StrictEncoder):
    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta(part=part, delta=delta):
                return [_event("TEXT_MESSAGE_CONTENT", messageId=self._id(part), delta=delta)]
            case ReasoningDelta(part=part, delta=delta):
                return [_event("REASONING_MESSAGE_CONTENT", messageId=self._id(part), delta=delta)]
            case ToolArgs(call=call, delta=delta):
                return [_event("TOOL_CALL_ARGS", toolCallId=call, delta=delta)]
            case TextStart() | ReasoningStart() | ToolStart():
                return self._start(event)
            case TextEnd(part=part):
                return [_event("TEXT_MESSAGE_END", messageId=self._id(part))]
            case ReasoningEnd(part=part, signature=signature):
                id = self._id(part)
                return [
                    _event("REASONING_MESSAGE_END", messageId=id),
                    *_signed("message", id, signature),
                    _event("REASONING_END", messageId=id),
                ]
            case ToolReady(call=call, signature=signature):
                ended = _event("TOOL_CALL_END", toolCallId=call)
                return [ended, *_signed("tool-call", call, signature)]
            case Unfinished(call=call):
                return [_event("TOOL_CALL_END", toolCallId=call)]
            case ToolResult(call=call, output=output):
                content = output if isinstance(output, str) else to_json(output)
                return [self._result(call, content)]
            case ToolError(call=call, message=message):
                return [self._result(call, to_json({"error": message}))]
            case Source() | Data() | File():
                return [_event("CUSTOM", name=event.type, value=event)]
            case RunStarted():
                return [_event("RUN_STARTED", **self._ids())]
            case RunFinished() | RunStopped() | RunFailed():
                return [self._end(event)]
        return []

    def joining(self) -> bytes:
        if not self.has_begun:
            return b""
        starts = [frame for start in self.opened.values() for frame in self._start(start)]
        return "".join([_event("RUN_STARTED", **self._ids()), *starts]).encode()

    def _id(self, part: str) -> str:
        """A message's id: parts of two runs of a thread may have the same name."""
        return f"{self.run.run}-{part}"

    def _ids(self) -> Json:
        return {"threadId": self.run.session or self.run.run, "runId": self.run.run}

    def _start(self, start: Start) -> list[str]:
        match start:
            case TextStart(part=part):
                return [_event("TEXT_MESSAGE_START", messageId=self._id(part), role="assistant")]
            case ReasoningStart(part=part):
                id = self._id(part)
                return [
                    _event("REASONING_START", messageId=id),
                    _event("REASONING_MESSAGE_START", messageId=id, role="reasoning"),
                ]
            case ToolStart(call=call, name=name):
                return [_event("TOOL_CALL_START", toolCallId=call, toolCallName=name)]

    def _result(self, call: str, content: str) -> str:
        id = self._id(f"{call}-result")
        return _event(
            "TOOL_CALL_RESULT", messageId=id, toolCallId=call, content=content, role="tool"
        )

    def _end(self, event: RunFinished | RunStopped | RunFailed) -> str:
        match event:
            case RunFinished(reason=reason):
                how: Json = {"outcome": {"type": "success"}, "result": {"finishReason": reason}}
            case RunStopped():
                how = {"outcome": {"type": "cancelled"}}
            case RunFailed(code=code, message=message, retryable=retryable):
                how = {"message": message, "code": code, "metadata": {"retryable": retryable}}
                return _event("RUN_ERROR", **how, **self._usage())
        return _event("RUN_FINISHED", **self._ids(), **how, **self._usage())

    def _usage(self) -> Json:
        if self.usage is None:
            return {}
        usage: Json = {
            "inputTokens": self.usage.input_tokens,
            "outputTokens": self.usage.output_tokens,
            "totalTokens": self.usage.input_tokens + self.usage.output_tokens,
            "reasoningTokens": self.usage.reasoning_tokens,
            "cachedInputTokens": self.usage.cached_tokens,
        }
        if self.run.model is not None:
            usage["model"] = self.run.model
        return {"usage": [usage]}


class AgUi(Dialect):
    name = "ag-ui"
    keeps = frozenset(Feature) - {Feature.INVALID_CALLS, Feature.ESTIMATED}
    stateful = True

    def encoder(self) -> _Encoder:
        return _Encoder()

    def opening(self, cursor: str | None) -> bytes:
        """Without the cursor: an event without data is none to these clients."""
        return b": tidewire\n"

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        about = msgspec.json.decode(data)
        if about.get("reason") == "gone":
            message = "The answer was deleted while it was read."
            event = _event("RUN_ERROR", message=message, code="stream_reset")
        else:
            event = _event("CUSTOM", name=type, value=about)
        return (event if cursor is None else f"id: {cursor}\n{event}").encode()


def _event(type: str, **fields: Any) -> str:
    return data_frame({"type": type, **fields})


def _signed(kind: str, id: str, signature: str | None) -> list[str]:
    if signature is None:
        return []
    about = {"subtype": kind, "entityId": id, "encryptedValue": signature}
    return [_event("REASONING_ENCRYPTED_VALUE", **about)]
