"""Reading OpenAI's chat completion chunks into answer events.

The pure half of models/openai.py: JSON text in, events out. Written for the vendor's
format and for what compatible servers make of it: nulls anywhere, reasoning under two
names or in pieces of the content, tool calls without an index or with the whole call in
one piece, an error object inside a 200 stream, a chat.completion where a stream was asked
for. After a call that the model was made to make the vendor says ``stop``, and some
servers after every call.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidewire.answers.events import AnswerEvent
from tidewire.models.reader import StreamReader
from tidewire.models.shapes import Function, InputDetails, OutputDetails, ToolCall, counted

__all__ = ["Reader"]


class _UrlCitation(msgspec.Struct, gc=False):
    url: str | None = None
    title: str | None = None


class _Annotation(msgspec.Struct, gc=False):
    url_citation: _UrlCitation | None = None


class _Piece(msgspec.Struct, gc=False):
    """Content that is not text alone: so Mistral's models think."""

    text: str | None = None
    thinking: list[_Piece] | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Piece] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    annotations: list[_Annotation] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reader(StreamReader):
    """See StreamReader. ``terminated``: ``[DONE]`` was seen."""

    reasons = {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "function_call": "tool_calls",
        "content_filter": "content_filter",
    }

    def feed(self, data: str) -> list[AnswerEvent]:
        if data == "[DONE]":
            self.complete = self.terminated = True
            return []
        chunk = self._decode(_decode, data)
        if chunk.error:
            raise self._error(chunk.error)
        if chunk.usage is not None:
            used = chunk.usage
            self.usage = counted(
                used.prompt_tokens,
                used.completion_tokens,
                used.prompt_tokens_details,
                used.completion_tokens_details,
            )
        return self._choice(chunk.choices[0]) if chunk.choices else []

    def _choice(self, choice: _Choice) -> list[AnswerEvent]:
        if choice.index:
            return []  # a second alternative, never asked for
        delta = choice.delta or choice.message
        events = self._delta(delta) if delta is not None else []
        if choice.finish_reason:
            events += self._finish(choice.finish_reason)
        return events

    def _delta(self, delta: _Delta) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        if reasoning := delta.reasoning_content or delta.reasoning:
            events += self._parts.reasoning(reasoning)
        if isinstance(delta.content, str):
            events += self._parts.text(delta.content)
        elif delta.content:
            events += self._pieces(delta.content)
        if delta.refusal:
            self._refused = True
            events += self._parts.text(delta.refusal)
        if delta.tool_calls:
            self._called = True
            events += self._fragments(delta.tool_calls)
        if (function := delta.function_call) is not None:
            self._called = True
            events += self._fragment("function_call", None, function.name, function.arguments)
        for annotation in delta.annotations or ():
            if (cited := annotation.url_citation) is not None:
                events += self._sources.cite(url=cited.url, title=cited.title)
        return events

    def _pieces(self, pieces: list[_Piece]) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        for piece in pieces:
            for thought in piece.thinking or ():
                events += self._parts.reasoning(thought.text or "")
            events += self._parts.text(piece.text or "")
        return events
