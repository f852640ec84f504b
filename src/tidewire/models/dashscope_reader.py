"""Reading DashScope's generation stream into answer events.

The pure half of models/dashscope.py. An event holds what was said since the last one,
or, without ``incremental_output``, all that was said so far: then only what is new
counts. The finish reason is the string "null" until there is one. The HTTP status of an
event stands in the comment before it (``:HTTP_STATUS/400``). There is no terminator.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable

import msgspec

from tidewire.answers.events import AnswerEvent
from tidewire.errors import UpstreamBroken
from tidewire.models.reader import StreamReader
from tidewire.models.shapes import InputDetails, OutputDetails, ToolCall, counted

__all__ = ["Reader"]

_STATUS = re.compile(r"\s*HTTP_STATUS/([0-9]{3})")


class _Content(msgspec.Struct, gc=False):
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Content] | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None


class _Found(msgspec.Struct, gc=False):
    url: str | None = None
    title: str | None = None


class _Search(msgspec.Struct, gc=False):
    search_results: list[_Found] | None = None


class _Output(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    text: str | None = None
    finish_reason: str | None = None
    search_info: _Search | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class _Chunk(msgspec.Struct, gc=False):
    output: _Output | None = None
    usage: _Usage | None = None
    code: str | int | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reader(StreamReader):
    """See StreamReader. ``incremental``: as the model was asked."""

    reasons = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}

    def __init__(self, secrets: Iterable[str] = (), *, incremental: bool = True) -> None:
        super().__init__(secrets)
        self._incremental = incremental
        self._said: dict[Hashable, str] = {}
        self._status: int | None = None

    def comment(self, text: str) -> None:
        if (match := _STATUS.match(text)) is not None:
            self._status = int(match[1])

    def feed(self, data: str) -> list[AnswerEvent]:
        chunk = self._decode(_decode, data)
        if chunk.code:
            raise self._error(
                {"message": chunk.message, "code": chunk.code, "status": self._status}
            )
        if chunk.usage is not None:
            used = chunk.usage
            self.usage = counted(
                used.input_tokens,
                used.output_tokens,
                used.prompt_tokens_details,
                used.output_tokens_details,
            )
        return self._output(chunk.output) if chunk.output is not None else []

    def _output(self, output: _Output) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        search = output.search_info
        for found in (search and search.search_results) or ():
            events += self._sources.cite(url=found.url, title=found.title)
        reason = output.finish_reason
        if output.choices:
            choice = output.choices[0]
            reason = choice.finish_reason
            if choice.message is not None:
                events += self._message(choice.message)
        elif output.text:
            events += self._parts.text(self._new("text", output.text))
        if reason and reason != "null":
            events += self._finish(reason)
        return events

    def _message(self, message: _Message) -> list[AnswerEvent]:
        reasoning = message.reasoning_content or ""
        events = self._parts.reasoning(self._new("reasoning", reasoning))
        events += self._parts.text(self._new("text", _text(message.content)))
        return events + self._fragments(message.tool_calls or ())

    def _fragment(
        self, slot: Hashable, id: str | None, name: str | None, arguments: str | None
    ) -> list[AnswerEvent]:
        self._called = True  # the vendor may end with "stop" nevertheless
        return super()._fragment(slot, id, name, self._new(slot, arguments or ""))

    def _new(self, what: Hashable, said: str) -> str:
        """What of ``said`` was not said before. Nothing said is nothing new."""
        if self._incremental or not said:
            return said
        before = self._said.get(what, "")
        if not said.startswith(before):
            raise UpstreamBroken(
                "The model did not repeat what it had said; is incremental_output right?"
            )
        self._said[what] = said
        return said[len(before) :]


def _text(content: str | list[_Content] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text or "" for part in content)
    return content or ""
