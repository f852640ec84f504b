"""Reading Ollama's chat lines into answer events.

The pure half of models/ollama.py. Calls come whole and mostly without an id, so they
get one. An error may come in the middle, as a line of its own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidewire.answers.events import AnswerEvent, Usage
from tidewire.models.reader import StreamReader

__all__ = ["Reader"]


class _Function(msgspec.Struct, gc=False):
    name: str
    arguments: Any = None


class _ToolCall(msgspec.Struct, gc=False):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Line(msgspec.Struct, gc=False):
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Line).decode


class Reader(StreamReader):
    """See StreamReader. The line that is ``done`` ends the answer and the stream."""

    reasons = {"stop": "stop", "length": "length"}

    def feed(self, data: str) -> list[AnswerEvent]:
        line = self._decode(_decode, data)
        if line.error:
            raise self._error(line.error)
        events = self._message(line.message) if line.message is not None else []
        if line.done:
            self.terminated = True
            self._count(line)
            events += self._finish(line.done_reason or "stop")
        return events

    def _message(self, message: _Message) -> list[AnswerEvent]:
        events = self._parts.reasoning(message.thinking or message.reasoning_content or "")
        events += self._parts.text(message.content or "")
        for call in message.tool_calls or ():
            self._called = True
            function = call.function
            events += self._whole_call(function.name, function.arguments, id=call.id)
        return events

    def _count(self, line: _Line) -> None:
        """A prompt that was still in memory is not counted again, and left out."""
        if line.eval_count is not None:
            self.usage = Usage(line.prompt_eval_count or 0, line.eval_count)
