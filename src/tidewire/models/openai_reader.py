"""Reading OpenAI's chat completion chunks into answer events.

The pure half of models/openai.py: JSON text in, events out. Written for the vendor's
format and for what compatible servers make of it: nulls anywhere, reasoning under two
names, tool calls without an index or with the whole call in one piece, an error object
inside a 200 stream, a chat.completion where a stream was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tidewire.answers.events import AnswerEvent, Usage
from tidewire.models.reader import StreamReader

__all__ = ["Reader"]

_REASONS: Final = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _UrlCitation(msgspec.Struct, gc=False):
    url: str | None = None
    title: str | None = None


class _Annotation(msgspec.Struct, gc=False):
    url_citation: _UrlCitation | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    annotations: list[_Annotation] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reader(StreamReader):
    """See StreamReader. ``terminated``: ``[DONE]`` was seen."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(secrets)
        self._refused = False

    def feed(self, data: str) -> list[AnswerEvent]:
        if data == "[DONE]":
            self.complete = self.terminated = True
            return []
        chunk = self._decode(_decode, data)
        if chunk.error:
            raise self._error(chunk.error)
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)
        return self._choice(chunk.choices[0]) if chunk.choices else []

    def _choice(self, choice: _Choice) -> list[AnswerEvent]:
        if choice.index:
            return []  # a second alternative, never asked for
        delta = choice.delta or choice.message
        events = self._delta(delta) if delta is not None else []
        if choice.finish_reason:
            reason = _REASONS.get(choice.finish_reason, "other")
            events += self._finish("content_filter" if self._refused else reason)
        return events

    def _delta(self, delta: _Delta) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        if reasoning := delta.reasoning_content or delta.reasoning:
            events += self._parts.reasoning(reasoning)
        if delta.content:
            events += self._parts.text(delta.content)
        if delta.refusal:
            self._refused = True
            events += self._parts.text(delta.refusal)
        if delta.tool_calls:
            events += self._tool_calls(delta.tool_calls)
        if delta.function_call is not None:
            events += self._fragment("function_call", None, delta.function_call)
        for annotation in delta.annotations or ():
            if (cited := annotation.url_citation) is not None:
                events += self._sources.cite(url=cited.url, title=cited.title)
        return events

    def _tool_calls(self, calls: list[_ToolCall]) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        for position, call in enumerate(calls):
            if call.function is not None:
                slot = position if call.index is None else call.index
                events += self._fragment(slot, call.id, call.function)
        return events

    def _fragment(self, slot: int | str, id: str | None, function: _Function) -> list[AnswerEvent]:
        fragment = self._tools.fragment(
            slot, id=id, name=function.name, arguments=function.arguments
        )
        return self._parts.close() + fragment if fragment else []


def _usage(usage: _Usage) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion else 0,
        cached_tokens=(prompt.cached_tokens or 0) if prompt else 0,
    )
