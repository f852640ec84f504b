"""The contract of a dialect: how stored events are written for one front end.

A dialect makes encoders; an encoder turns consecutive events of one stream into bytes.
Its state depends on the events alone, never on a viewer, so that one encoder serves
everybody who has read as far. An encoder is copied with ``copy.copy``: its attributes
must be immutable values.

Every SSE event carries the cursor of its stored event as ``id:``, so an answer begun
in one dialect can be resumed in another. Where one stored event becomes several SSE
events, only the last of them has the plain cursor; those before it have a partial one
(wire/cursor.py), and ``within`` brings the reader back to just there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from tidewire.answers.events import AnswerEvent, TextDelta, decode
from tidewire.dialects.features import Feature
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event
from tidewire.wire.writer import frame

__all__ = ["AnswerEncoder", "Dialect", "data_frame", "sse", "to_json", "without_start"]


class Encoder(Protocol):
    """Encodes consecutive events of one stream, in order (live/base.py)."""

    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes: ...

    def joining(self) -> bytes: ...


class Dialect(ABC):
    """One front-end protocol over SSE, as live/base.py wants it.

    ``keeps``: what of an answer its readers get. ``headers``: what the protocol has in
    the head of a response besides the usual. ``resumes``: False where a reader can make
    nothing of a middle; it is given the answer from the start, whatever it asked for.

    Comments stand alone, without a blank line after them: legal, and some clients
    dispatch an empty event at every blank line.
    """

    name: str
    keeps: frozenset[Feature]
    stateful = False
    multiplexes = False
    resumes = True
    headers: Mapping[str, str] = MappingProxyType({})
    heartbeat = b":\n"
    retry_milliseconds = 2000

    @abstractmethod
    def encoder(self) -> Encoder: ...

    def opening(self, cursor: str | None) -> bytes:
        if cursor is None:
            return b": tidewire\n"
        return b": tidewire\n" + frame(id=cursor, retry_milliseconds=self.retry_milliseconds)

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        return frame(data, event=type, id=cursor)

    def signal(self, type: str, data: str) -> bytes:
        return b""

    def farewell(self, retry_milliseconds: int) -> bytes:
        return f"retry: {retry_milliseconds}\n\n".encode()


class AnswerEncoder(ABC):
    """Encodes what the answer vocabulary knows; other events are left out.

    A dialect fills in ``write``: one answer event in, SSE text out, cursors included.
    """

    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        out = []
        for offset, event in enumerate(events, first):
            answer = decode(*event)
            if answer is not None:
                out.append(self.write(answer, Position(epoch, offset - 1, within)))
            within = 0
        return "".join(out).encode()

    def joining(self) -> bytes:
        """What a reader is told first that begins after the events encoded so far."""
        return b""

    @abstractmethod
    def write(self, event: AnswerEvent, before: Position) -> str:
        """``event`` as SSE text, "" if there is nothing to say.

        ``before`` is where the viewer stands: ``before.within`` characters of the
        event's text have been sent.
        """


def sse(before: Position, data: str, *, event: str = "") -> str:
    """One SSE event that completes the stored event after ``before``."""
    name = f"event: {event}\n" if event else ""
    return f"id: {Position(before.epoch, before.offset + 1)}\n{name}data: {data}\n\n"


def data_frame(value: object, *, event: str = "") -> str:
    """One SSE event with JSON as its data, without an id."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {to_json(value)}\n\n"


def to_json(value: object) -> str:
    """Compact JSON on one line."""
    return msgspec.json.encode(value).decode()


def without_start(event: Event, characters: int) -> Event:
    """A text event without its first characters; any other event as it is."""
    answer = decode(*event)
    if isinstance(answer, TextDelta):
        return Event(event.type, to_json(TextDelta(answer.part, answer.delta[characters:])))
    return event
