"""``ai-sdk``: the UI message stream, version 1, that ``useChat`` of the AI SDK 6 reads.

``data: <chunk>`` alone – no names, no ids – with chunk types that version 6 knows (a
client fails at any other), and ``data: [DONE]`` at the end: ``start`` with the run's id
as ``messageId``, steps, parts, ``finish``. What no chunk has a place for is metadata:
``messageMetadata`` has the session, the model and the usage, ``providerMetadata.tidewire``
a signature or a quote. What a model says after it has seen a tool's result is a new step.

A stop is ``abort`` and then ``finish``: there are clients that come back for an answer
without one. A failure is ``error``, which the client raises, and then ``finish``; its
code and whether to try again go before, as metadata.

The client can make nothing of a middle: it drops the message it has at ``start`` and
builds it anew. So the answer is always given from the start, with the same ``messageId``,
and deltas that are read together are one chunk: what came in a thousand pieces is
replayed in a few. A ``stream.reset``, and the end of a connection before the answer's,
are an ``error``.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from tidewire.answers.compact import join_deltas
from tidewire.answers.events import (
    AnswerEvent,
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunModel,
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
    decode,
)
from tidewire.dialects.base import data_frame
from tidewire.dialects.features import Feature
from tidewire.dialects.strict import StrictEncoder
from tidewire.dialects.uncontinued import Uncontinued
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event

__all__ = ["AiSdk"]

Json: TypeAlias = dict[str, Any]

DONE = "data: [DONE]\n\n"
REASONS = {"tool_calls": "tool-calls", "content_filter": "content-filter"}


class _Encoder(StrictEncoder):
    """``_has_result``: a tool has answered in this step."""

    with_ids = False

    def __init__(self) -> None:
        super().__init__()
        self._has_result = False

    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        before = Position(epoch, first - 1)
        joined = join_deltas(decode(*event) for event in events)
        return "".join(self.write(event, before) for event in joined).encode()

    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta(part=part, delta=delta):
                return [_chunk("text-delta", id=part, delta=delta)]
            case ReasoningDelta(part=part, delta=delta):
                return [_chunk("reasoning-delta", id=part, delta=delta)]
            case ToolArgs(call=call, delta=delta):
                return [_chunk("tool-input-delta", toolCallId=call, inputTextDelta=delta)]
            case TextStart() | ReasoningStart() | ToolStart():
                return [*self._next_step(), _start(event)]
            case TextEnd(part=part):
                return [_chunk("text-end", id=part)]
            case ReasoningEnd(part=part, signature=signature):
                return [_chunk("reasoning-end", id=part, **_own(signature=signature))]
            case ToolReady():
                return [_ready(event)]
            case ToolResult(call=call, output=output):
                self._has_result = True
                return [_chunk("tool-output-available", toolCallId=call, output=output)]
            case ToolError(call=call, message=message):
                self._has_result = True
                return [_chunk("tool-output-error", toolCallId=call, errorText=message)]
            case Source():
                return [_source(event)]
            case File(url=url, media_type=media_type, name=name):
                return [_chunk("file", url=url, mediaType=media_type, **_own(name=name))]
            case Data(name=name, data=data, id=id, transient=transient):
                more = _given(id=id, transient=transient or None)
                return [_chunk(f"data-{name}", data=data, **more)]
            case RunStarted(run=run):
                about = _given(session=event.session, model=event.model)
                more = {"messageMetadata": about} if about else {}
                return [_chunk("start", messageId=run, **more), _chunk("start-step")]
            case RunModel(model=model):
                return [_chunk("message-metadata", messageMetadata={"model": model})]
            case RunFinished() | RunStopped() | RunFailed():
                return self._end(event)
        return []

    def _next_step(self) -> list[str]:
        """A new step, if a tool has answered and nothing but what now opens is open."""
        if not self._has_result or len(self.opened) > 1:
            return []
        self._has_result = False
        return [_chunk("finish-step"), _chunk("start-step")]

    def _end(self, event: RunFinished | RunStopped | RunFailed) -> list[str]:
        match event:
            case RunFinished(reason=reason):
                said = [_chunk("finish-step"), self._finish(REASONS.get(reason, reason))]
            case RunStopped(reason=reason):
                said = [_chunk("abort", reason=reason), self._finish("other")]
            case RunFailed(code=code, message=message, retryable=retryable):
                metadata = {"error": {"code": code, "retryable": retryable}}
                said = [
                    _chunk("message-metadata", messageMetadata=metadata),
                    _chunk("error", errorText=message),
                    self._finish("error"),
                ]
        return [*said, DONE]

    def _finish(self, reason: str) -> str:
        if self.usage is None:
            return _chunk("finish", finishReason=reason)
        usage = {
            "inputTokens": self.usage.input_tokens,
            "outputTokens": self.usage.output_tokens,
            "totalTokens": self.usage.input_tokens + self.usage.output_tokens,
            "reasoningTokens": self.usage.reasoning_tokens,
            "cachedInputTokens": self.usage.cached_tokens,
            "estimated": self.usage.estimated,
        }
        return _chunk("finish", finishReason=reason, messageMetadata={"usage": usage})


class AiSdk(Uncontinued):
    name = "ai-sdk"
    keeps = frozenset(Feature) - {Feature.CURSOR, Feature.CONTINUES}
    stateful = True
    resumes = False
    headers = MappingProxyType({"x-vercel-ai-ui-message-stream": "v1"})

    def encoder(self) -> _Encoder:
        return _Encoder()

    def failure(self, code: str, message: str) -> str:
        return _chunk("error", errorText=message)


def _chunk(type: str, **fields: Any) -> str:
    return data_frame({"type": type, **fields})


def _start(start: TextStart | ReasoningStart | ToolStart) -> str:
    match start:
        case TextStart(part=part):
            return _chunk("text-start", id=part)
        case ReasoningStart(part=part):
            return _chunk("reasoning-start", id=part)
        case ToolStart(call=call, name=name):
            return _chunk("tool-input-start", toolCallId=call, toolName=name)


def _ready(ready: ToolReady) -> str:
    call = {"toolCallId": ready.call, "toolName": ready.name, **_own(signature=ready.signature)}
    if ready.invalid is None:
        return _chunk("tool-input-available", **call, input=ready.input)
    error = "The arguments are not JSON."
    return _chunk("tool-input-error", **call, input=ready.invalid, errorText=error)


def _source(source: Source) -> str:
    more = _own(quote=source.quote)
    if source.url is not None:
        more |= _given(title=source.title)
        return _chunk("source-url", sourceId=source.id, url=source.url, **more)
    title = source.title or source.document or source.id
    more |= _given(filename=source.document)
    # The type of the document is not known; the client requires one.
    return _chunk(
        "source-document", sourceId=source.id, mediaType="text/plain", title=title, **more
    )


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _own(**fields: Any) -> Json:
    """What the protocol has no field for."""
    given = _given(**fields)
    return {"providerMetadata": {"tidewire": given}} if given else {}
