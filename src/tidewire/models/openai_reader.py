"""Reading OpenAI's chat completion chunks into answer events.

The pure half of models/openai.py: JSON text in, events out. Written for the vendor's
format and for what compatible servers make of it: nulls anywhere, reasoning under two
names, tool calls without an index or with the whole call in one piece, an error object
inside a 200 stream, a chat.completion where a stream was asked for. It does no I/O, and
closes no parts when it raises: the run does that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tidewire.answers.events import AnswerEvent, Usage
from tidewire.errors import UpstreamBroken
from tidewire.models.halves import Halves
from tidewire.models.parts import Parts, ToolCalls
from tidewire.models.refusal import in_stream_error

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


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


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


class Reader:
    """One answer. ``feed`` it the data of every event, then call ``end``.

    ``complete`` turns true with the finish reason: from then on a stream that breaks
    off has lost nothing but its usage. ``terminated``: ``[DONE]`` was seen.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.complete = False
        self.terminated = False
        self._secrets = tuple(secrets)
        self._halves = Halves()
        self._parts = Parts()
        self._tools = ToolCalls()
        self._reason = "other"
        self._refused = False
        self._usage: _Usage | None = None

    def feed(self, data: str) -> list[AnswerEvent]:
        """The events of one chunk, often one, often none.

        Raises UpstreamBroken for what is not a chunk, and the ModelError that fits for
        an error object.
        """
        if data == "[DONE]":
            self.complete = self.terminated = True
            return []
        chunk = self._decode(data)
        if chunk.error:
            raise in_stream_error(chunk.error, self._secrets)
        if chunk.usage is not None:
            self._usage = chunk.usage
        return self._choice(chunk.choices[0]) if chunk.choices else []

    def end(self) -> list[AnswerEvent]:
        """The stream is over: closes what is open.

        Raises UpstreamBroken if the answer is not complete.
        """
        if not self.complete:
            raise UpstreamBroken("The model broke off in the middle of its answer.")
        return self._close()

    @property
    def usage(self) -> Usage | None:
        """What the vendor counted, if it has said."""
        return None if self._usage is None else _usage(self._usage)

    @property
    def reason(self) -> str:
        """Why the model ended, in the words of Finish."""
        return "content_filter" if self._refused else self._reason

    def _decode(self, data: str) -> _Chunk:
        try:
            try:
                return _decode(data)
            except msgspec.DecodeError:
                return _decode(self._halves.join(data))
        except (msgspec.DecodeError, RecursionError) as exc:
            raise UpstreamBroken("The model API sent something that is not a chunk.") from exc

    def _choice(self, choice: _Choice) -> list[AnswerEvent]:
        if choice.index:
            return []  # a second alternative, never asked for
        delta = choice.delta or choice.message
        events = self._delta(delta) if delta is not None else []
        if choice.finish_reason:
            self.complete = True
            self._reason = _REASONS.get(choice.finish_reason, "other")
            events += self._close()
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

    def _close(self) -> list[AnswerEvent]:
        return self._parts.close() + self._tools.close()


def _usage(usage: _Usage) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion else 0,
        cached_tokens=(prompt.cached_tokens or 0) if prompt else 0,
    )
