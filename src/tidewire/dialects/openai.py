"""``openai``: chat completion chunks, as ``POST /v1/chat/completions`` streams them.

``data: {"id", "object": "chat.completion.chunk", "created", "model", "choices": […]}``
and at the end ``data: [DONE]``. ``id`` is the run's. Reasoning is
``delta.reasoning_content``, as compatible servers have it; the signature of a call stands
where Gemini's OpenAI-compatible API has it, in ``extra_content.google.thought_signature``.
The pages that are cited are ``url_citation``s in ``delta.annotations`` of one chunk before
the end, as OpenAI sends them: at a second such chunk one of its SDKs fails, and another
forgets the first. Usage stands in the chunk with the ``finish_reason``: a chunk of its own
has no choices, and programs that never asked for one fail at ``choices[0]``. Those that
asked (``stream_options.include_usage``) get it as such a chunk, and nowhere else: there
are some that add up what they find.

No ``id:`` and no ``retry:``, and a heartbeat without a blank line: the SDK reads JSON
from every block that has any other field. Every chunk stands for itself, so the middle
of an answer can be read; but a reader has no cursor to ask with.

A failure is ``{"error": {"message", "type", "code", "param", "retryable"}}``, which the
SDK raises; so is a ``stream.reset``, and the end of a connection before the answer's. A
stop looks like an end. Results of tools, documents, data and files cannot be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Source,
    TextDelta,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.dialects.base import data_frame
from tidewire.dialects.features import Feature
from tidewire.dialects.strict import StrictEncoder
from tidewire.dialects.uncontinued import Uncontinued

__all__ = ["OpenAI"]

DONE = "data: [DONE]\n\n"
REASONS = {"other": "stop"}


class _Encoder(StrictEncoder):
    """``_indexes``: the place of each call among the calls. ``_cited``: pages, so far."""

    with_ids = False

    def __init__(self, *, usage_apart: bool) -> None:
        super().__init__()
        self._usage_apart = usage_apart
        self._indexes: dict[str, int] = {}
        self._cited: tuple[dict[str, Any], ...] = ()

    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta(delta=delta):
                return [self._chunk({"content": delta})]
            case ReasoningDelta(delta=delta):
                return [self._chunk({"reasoning_content": delta})]
            case ToolStart(call=call, name=name):
                self._indexes = {**self._indexes, call: len(self._indexes)}
                start = {"id": call, "type": "function"}
                return [self._chunk(self._call(call, {"name": name, "arguments": ""}, **start))]
            case ToolArgs(call=call, delta=delta):
                return [self._chunk(self._call(call, {"arguments": delta}))]
            case ToolReady(call=call, signature=str(signature)):
                extra = {"google": {"thought_signature": signature}}
                return [self._chunk(self._call(call, {"arguments": ""}, extra_content=extra))]
            case Source(url=str(url)):
                self._cited = (*self._cited, _citation(url, event.title))
            case RunStarted():
                return [self._chunk({"role": "assistant", "content": ""})]
            case RunFinished(reason=reason):
                return [*self._end(REASONS.get(reason, reason)), DONE]
            case RunStopped():
                return [*self._end("stop"), DONE]
            case RunFailed(code=code, message=message, retryable=retryable):
                return [_failure(code, message, retryable=retryable), DONE]
        return []

    def _call(self, call: str, function: dict[str, str], **more: Any) -> dict[str, Any]:
        index = {"index": self._indexes[call]}
        return {"tool_calls": [{**index, **more, "function": function}]}

    def _end(self, finish_reason: str) -> list[str]:
        cited = [self._chunk({"annotations": self._cited})] if self._cited else []
        usage = {"usage": _usage(self.usage)} if self.usage is not None else {}
        if not self._usage_apart:
            return [*cited, self._chunk({}, finish_reason, **usage)]
        return [*cited, self._chunk({}, finish_reason), self._frame([], **usage)]

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._frame([choice], **more)

    def _frame(self, choices: list[dict[str, Any]], **more: Any) -> str:
        head = {
            "id": self.run.run,
            "object": "chat.completion.chunk",
            "created": self.run.created,
            "model": self.run.model or "",
        }
        return data_frame({**head, "choices": choices, **more})


class OpenAI(Uncontinued):
    """``usage_apart``: the usage as a chunk of its own, for those who asked for it."""

    name = "openai"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.REASONING, Feature.REASONING_STREAM, Feature.CALLS,
            Feature.CALL_STREAM, Feature.CALL_SIGNATURE, Feature.PAGES, Feature.USAGE,
            Feature.USAGE_DETAILS, Feature.REASON, Feature.FAILED, Feature.CODE,
            Feature.RETRYABLE, Feature.RUN, Feature.MODEL, Feature.CONTINUES,
        }
    )  # fmt: skip
    stateful = True

    def __init__(self, *, usage_apart: bool = False) -> None:
        self._usage_apart = usage_apart
        if usage_apart:
            self.name = "openai+usage"

    def encoder(self) -> _Encoder:
        return _Encoder(usage_apart=self._usage_apart)

    def failure(self, code: str, message: str) -> str:
        return _failure(code, message, retryable=True)


def _failure(code: str, message: str, *, retryable: bool) -> str:
    error = {"message": message, "type": "server_error", "code": code, "param": None}
    return data_frame({"error": {**error, "retryable": retryable}})


def _citation(url: str, title: str | None) -> dict[str, Any]:
    """Where in the text it is cited is not known: at its beginning, of no length."""
    citation = {"url": url, "title": title or url, "start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url_citation": citation}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
