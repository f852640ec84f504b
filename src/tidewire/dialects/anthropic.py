"""``anthropic``: the events of ``POST /v1/messages``.

``message_start``; every part as a content block – ``text``, ``thinking``, ``tool_use`` –
with ``content_block_start``, deltas and ``content_block_stop``; ``message_delta`` with
the ``stop_reason`` and the usage; ``message_stop``. The message's id is the run's. Blocks
that are open at the same time are told apart by their ``index``. The heartbeat is a
``ping``.

The usage is known at the end: in ``message_start`` it is 0, and ``message_delta`` has
all of it. Its ``delta`` has the ``model``, too, if another one than ``message_start`` says
gave the answer. A ``stop_reason`` of null says that the answer was stopped. What is cited is a
citation on the text block that is open, on the next, or on an empty one at the end. A
failure is an ``error`` event; so is a ``stream.reset``, and the end of a connection
before the answer's: the protocol has no way to come back. For readers that know
cursors each event has one; its middle makes sense to those only that have kept the blocks.

Arguments that are no JSON are said as they came, and the SDK refuses them. Results of
tools, data and files cannot be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from tidewire.answers.events import (
    AnswerEvent,
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
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.dialects.base import data_frame
from tidewire.dialects.features import Feature
from tidewire.dialects.strict import Call, End, Key, Part, Start, StrictEncoder, Unfinished, key_of
from tidewire.dialects.uncontinued import Uncontinued

__all__ = ["Anthropic"]

Json: TypeAlias = dict[str, Any]

STOP_REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class _Encoder(StrictEncoder):
    """``_blocks``: their indexes; so many have been ``_started``. ``_other``: the model, if
    it is not the one that ``message_start`` named."""

    sources_in_text = True

    def __init__(self) -> None:
        super().__init__()
        self._started = 0
        self._blocks: dict[Key, int] = {}
        self._other: Json = {}

    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta(delta=text):
                return [self._delta(event, {"type": "text_delta", "text": text})]
            case ReasoningDelta(delta=thinking):
                return [self._delta(event, {"type": "thinking_delta", "thinking": thinking})]
            case ToolArgs(delta=json):
                return [self._delta(event, {"type": "input_json_delta", "partial_json": json})]
            case TextStart():
                return [self._start(event, {"type": "text", "text": "", "citations": None})]
            case ReasoningStart():
                return [self._start(event, {"type": "thinking", "thinking": "", "signature": ""})]
            case ToolStart(call=call, name=name):
                block = {"type": "tool_use", "id": call, "name": name, "input": {}}
                return [self._start(event, block)]
            case ReasoningEnd(signature=str(signature)):
                delta = {"type": "signature_delta", "signature": signature}
                return [self._delta(event, delta), self._stop(event)]
            case TextEnd() | ReasoningEnd() | ToolReady() | Unfinished():
                return [self._stop(event)]
            case Source() if self.open_text is not None:
                cited = {"type": "citations_delta", "citation": _citation(event)}
                return [self._delta(self.open_text, cited)]
            case RunStarted():
                return [_event("message_start", message=self._message())]
            case RunModel(model=model):
                self._other = {"model": model}
            case RunFinished(reason=reason):
                return self._end(STOP_REASONS.get(reason, "end_turn"))
            case RunStopped():
                return self._end(None)
            case RunFailed(code=code, message=message, retryable=retryable):
                return [_failure(code, message, retryable=retryable)]
        return []

    def _start(self, start: Start, block: Json) -> str:
        index, self._started = self._started, self._started + 1
        self._blocks = {**self._blocks, key_of(start): index}
        return _event("content_block_start", index=index, content_block=block)

    def _delta(self, event: Part | Call, delta: Json) -> str:
        return _event("content_block_delta", index=self._blocks[key_of(event)], delta=delta)

    def _stop(self, end: End) -> str:
        return _event("content_block_stop", index=self._blocks[key_of(end)])

    def _end(self, stop_reason: str | None) -> list[str]:
        delta = {"stop_reason": stop_reason, "stop_sequence": None, **self._other}
        usage = _usage(self.usage or Usage())
        return [_event("message_delta", delta=delta, usage=usage), _event("message_stop")]

    def _message(self) -> Json:
        return {
            "id": self.run.run,
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self.run.model or "",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }


class Anthropic(Uncontinued):
    name = "anthropic"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.TEXT_PARTS, Feature.REASONING, Feature.REASONING_STREAM,
            Feature.SIGNATURE, Feature.CALLS, Feature.CALL_STREAM, Feature.PAGES,
            Feature.DOCUMENTS, Feature.QUOTES, Feature.USAGE, Feature.USAGE_DETAILS,
            Feature.REASON, Feature.STOPPED, Feature.FAILED, Feature.CODE,
            Feature.RETRYABLE, Feature.RUN, Feature.MODEL, Feature.CURSOR,
            Feature.CONTINUES,
        }
    )  # fmt: skip
    stateful = True
    heartbeat = b'event: ping\ndata: {"type":"ping"}\n\n'

    def encoder(self) -> _Encoder:
        return _Encoder()

    def failure(self, code: str, message: str) -> str:
        return _failure(code, message, retryable=True)


def _failure(code: str, message: str, *, retryable: bool) -> str:
    type = "overloaded_error" if retryable else "api_error"
    error = {"type": type, "message": message, "code": code, "retryable": retryable}
    return _event("error", error=error)


def _event(type: str, **fields: Any) -> str:
    return data_frame({"type": type, **fields}, event=type)


def _citation(source: Source) -> Json:
    cited = {"cited_text": source.quote or "", "title": source.title}
    if source.url is not None:
        place = {"url": source.url, "encrypted_index": ""}
        return {"type": "web_search_result_location", **cited, **place}
    blocks = {"search_result_index": 0, "start_block_index": 0, "end_block_index": 0}
    document = source.document or source.id
    return {"type": "search_result_location", **cited, "source": document, **blocks}


def _usage(usage: Usage) -> Json:
    """Anthropic counts cached tokens beside the input, we count them in it."""
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens),
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
