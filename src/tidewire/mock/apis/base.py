"""The contract of a mocked API: a vendor's request in, answer events out in its format.

The counterpart of an adapter in models/, written from the vendors' documents and not
from our readers: what both get wrong in the same way, no test would find. One object
writes one answer; it is pure, and every item of bytes it returns is one event (or line)
as the vendor would send it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

import msgspec

from tidewire.answers.events import AnswerEvent, ReasoningDelta, TextDelta, ToolArgs, Usage
from tidewire.answers.fold import Message, ReasoningPart, ToolPart
from tidewire.mock.question import Asked, Question

__all__ = ["Api", "Refusal", "calls_of", "compact", "data_event", "named_event", "reasoning_of"]

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
JSON: Final = "application/json"


class Refusal(TextDelta, frozen=True):
    """Text that refuses to answer: for most vendors no other than any text."""


class Api(ABC):
    """One answer. ``begin``, then ``write`` for each event, then ``end``.

    The last item of ``end`` is what tells the client that the stream is over, so that a
    fault can leave it out. ``id`` is random hexadecimal digits to make the vendor's ids of.
    """

    name: ClassVar[str]
    route: ClassVar[str]
    """Method and path, with ``{model}`` where the path names it."""
    content_type: ClassVar[str] = EVENT_STREAM

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        self.question = question
        self.id = id
        self.created = created
        self._output_tokens = 0
        self._reasoning_tokens = 0

    @classmethod
    @abstractmethod
    def read(cls, asked: Asked) -> Question:
        """What a request asks. Raises BadRequest."""

    @classmethod
    @abstractmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        """The body of an answer with another status than 200."""

    def write(self, event: AnswerEvent) -> list[bytes]:
        """A part or call that opens, grows or closes."""
        if isinstance(event, TextDelta | ReasoningDelta | ToolArgs):
            self._output_tokens += 1
            self._reasoning_tokens += isinstance(event, ReasoningDelta)
        return self._write(event)

    @property
    def usage(self) -> Usage:
        """What was used until now, a delta counted as a token."""
        return Usage(self.question.input_tokens, self._output_tokens, self._reasoning_tokens)

    @abstractmethod
    def begin(self) -> list[bytes]: ...

    @abstractmethod
    def _write(self, event: AnswerEvent) -> list[bytes]: ...

    @abstractmethod
    def end(self, reason: str, usage: Usage) -> list[bytes]:
        """The end, for a reason in the words of Finish."""

    @abstractmethod
    def failure(self, message: str) -> bytes:
        """An error inside the stream."""

    @abstractmethod
    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        """The whole answer, for a client that asked for no stream; all was written before."""


def compact(document: Any) -> bytes:
    """JSON on one line, characters beyond ASCII as they are."""
    return msgspec.json.encode(document)


def data_event(document: Any) -> bytes:
    return b"data: %b\n\n" % compact(document)


def named_event(document: dict[str, Any]) -> bytes:
    """An event whose name is repeated as ``type`` in its data."""
    return b"event: %b\ndata: %b\n\n" % (document["type"].encode(), compact(document))


def reasoning_of(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, ReasoningPart))


def calls_of(message: Message) -> list[ToolPart]:
    return [part for part in message.parts if isinstance(part, ToolPart)]
