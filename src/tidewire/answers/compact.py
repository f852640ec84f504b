"""The compact form of an answer: the same events with one delta per part.

For readers that come late: they need the text, not the pieces in which it came. A
compact answer folds into the same message as the answer itself, whatever was still
open stays open, and the terminal event is the last. Left out is what a message does
not keep: transient data, an earlier state of replaced data or usage, and whatever
came after the terminal event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from tidewire.answers.events import (
    TERMINAL_TYPES,
    AnswerEvent,
    Data,
    ReasoningDelta,
    TextDelta,
    ToolArgs,
    ToolReady,
    Usage,
)

__all__ = ["Compact", "compact", "join_deltas"]

Delta: TypeAlias = TextDelta | ReasoningDelta | ToolArgs


class Compact(NamedTuple):
    """``events`` stand for everything up to ``offset``; the next event is ``offset + 1``.

    They are one piece: only after the last of them has a reader reached ``offset``.
    """

    events: list[AnswerEvent]
    offset: int


def compact(events: Iterable[AnswerEvent | None]) -> Compact:
    """The compact form of an answer's events, from its first one up to any point.

    None stands for a stored event outside the vocabulary: counted, not kept.
    """
    compacting = _Compacting()
    for event in events:
        compacting.offset += 1
        if event is not None and not compacting.ended:
            compacting.add(event)
    return Compact(compacting.events(), compacting.offset)


def join_deltas(events: Iterable[AnswerEvent | None]) -> Iterator[AnswerEvent]:
    """The same events with one delta for those of one part that follow each other.

    Nothing else is changed, moved or left out but None. For any stretch of an answer.
    """
    waiting: Delta | None = None
    pieces: list[str] = []
    for event in [*events, None]:
        delta = event if isinstance(event, TextDelta | ReasoningDelta | ToolArgs) else None
        if waiting is not None and (delta is None or _key(delta) != _key(waiting)):
            yield replace(waiting, delta="".join(pieces))
            waiting, pieces = None, []
        if delta is not None:
            waiting = delta
            pieces.append(delta.delta)
        elif event is not None:
            yield event


class _Compacting:
    """The kept events in their order; an event with a key is merged into the one before."""

    def __init__(self) -> None:
        self.offset = 0
        self.ended = False
        self._kept: list[AnswerEvent] = []
        self._places: dict[object, int] = {}  # where the event of a key stands in _kept
        self._pieces: dict[int, list[str]] = {}  # the text of the delta that stands there

    def add(self, event: AnswerEvent) -> None:
        match event:
            case TextDelta() | ReasoningDelta() | ToolArgs():
                place = self._place(_key(event), event)
                self._pieces.setdefault(place, []).append(event.delta)
            case ToolReady():
                # It may replace the arguments: those that follow stay behind it.
                self._places.pop(_key(event), None)
                self._kept.append(event)
            case Data(transient=True):
                pass
            case Data(id=str()) | Usage():
                self._kept[self._place(_key(event), event)] = event
            case _:
                self._kept.append(event)
                self.ended = event.type in TERMINAL_TYPES

    def events(self) -> list[AnswerEvent]:
        for place, pieces in self._pieces.items():
            self._kept[place] = replace(self._kept[place], delta="".join(pieces))
        return self._kept

    def _place(self, key: object, event: AnswerEvent) -> int:
        """Where the event of this key stands; a new key stands at the end."""
        place = self._places.setdefault(key, len(self._kept))
        if place == len(self._kept):
            self._kept.append(event)
        return place


def _key(event: AnswerEvent) -> object:
    """Events of one key are merged: deltas of a part, states of data, usage."""
    match event:
        case TextDelta():
            return "text", event.part
        case ReasoningDelta():
            return "reasoning", event.part
        case ToolArgs() | ToolReady():
            return "tool", event.call
        case Data():
            return "data", event.name, event.id
    return type(event)
