"""For protocols whose clients fail at a part that was never opened, or never closed.

Puts the events of an answer into the one order that all of those protocols accept: the
run first; every part opened before its deltas and closed before the end; arguments for
every call that is ready; then the terminal event, and nothing after it. What is in that
order already – all that our models say – passes as it is.

The attributes are immutable values, replaced and never changed, as encoders are copied.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeAlias

from msgspec.structs import replace

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
    ToolError,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)
from tidewire.dialects.base import AnswerEncoder, to_json
from tidewire.wire.cursor import Position

__all__ = [
    "Call",
    "End",
    "Key",
    "Part",
    "Pieces",
    "Start",
    "StrictEncoder",
    "Unfinished",
    "key_of",
    "whole",
]


class Unfinished(AnswerEvent, frozen=True):
    """A call that will never be ready: the answer ended in the middle of its arguments."""

    type: ClassVar[str] = "tool.unfinished"
    call: str


Start: TypeAlias = TextStart | ReasoningStart | ToolStart
End: TypeAlias = TextEnd | ReasoningEnd | ToolReady | Unfinished
Part: TypeAlias = TextStart | TextDelta | TextEnd | ReasoningStart | ReasoningDelta | ReasoningEnd
Call: TypeAlias = ToolStart | ToolArgs | ToolReady | ToolResult | ToolError | Unfinished
Key: TypeAlias = tuple[str, str]

Pieces: TypeAlias = tuple[Any, str] | None
"""Text that grows and can be copied at no cost: what was before, and the last piece."""


class StrictEncoder(AnswerEncoder):
    """A dialect fills in ``say``, which gets the events in strict order.

    ``run`` is what the answer began with, its model the one that then gave it; ``usage``
    the latest: it is not said by itself, but with the end. ``opened``: the parts that are
    open now. ``with_ids``: every stored event carries its cursor. ``sources_in_text``:
    sources wait until a text part is open.
    """

    with_ids = True
    sources_in_text = False

    def __init__(self) -> None:
        self.run = RunStarted("run")
        self.usage: Usage | None = None
        self.opened: dict[Key, Start] = {}
        self.has_begun = self.has_ended = False
        self._calls: frozenset[str] = frozenset()
        self._wordless: frozenset[str] = frozenset()  # calls without arguments so far
        self._waiting: tuple[Source, ...] = ()

    @abstractmethod
    def say(self, event: AnswerEvent) -> Sequence[str]:
        """``event`` as SSE events, each without an id. Called in strict order."""

    def write(self, event: AnswerEvent, before: Position) -> str:
        if before.within and isinstance(event, TextDelta):
            event = TextDelta(event.part, event.delta[before.within :])
        frames = [frame for each in self._admit(event) for frame in self.say(each)]
        if frames and self.with_ids:
            # On the last of them: a cut between them repeats them all.
            frames[-1] = f"id: {Position(before.epoch, before.offset + 1)}\n{frames[-1]}"
        return "".join(frames)

    @property
    def open_text(self) -> TextStart | None:
        """The text part that was opened last, of those that are open."""
        texts = [start for start in self.opened.values() if isinstance(start, TextStart)]
        return texts[-1] if texts else None

    def _admit(self, event: AnswerEvent) -> Iterator[AnswerEvent]:
        if self.has_ended:
            return
        if not self.has_begun:
            yield from self._admit_first(event)
        match event:
            case TextDelta(part=part, delta=delta):
                yield from self._admit_start(TextStart(part))
                if delta:
                    yield event
            case ReasoningDelta(part=part, delta=delta):
                yield from self._admit_start(ReasoningStart(part))
                if delta:
                    yield event
            case TextStart() | ReasoningStart():
                yield from self._admit_start(event)
            case TextEnd() | ReasoningEnd():
                yield from self._admit_end(event)
            case ToolStart() | ToolArgs() | ToolReady() | ToolResult() | ToolError():
                yield from self._admit_call(event)
            case Source() if self.sources_in_text:
                yield from self._admit_source(event)
            case Usage():
                self.usage = event
            case RunModel(model=model):
                self.run = replace(self.run, model=model)
                yield event
            case RunFinished() | RunStopped() | RunFailed():
                yield from self._admit_last(event)
            case RunStarted():
                pass
            case _:
                yield event

    def _admit_first(self, event: AnswerEvent) -> Iterator[AnswerEvent]:
        if isinstance(event, RunStarted):
            self.run = event
        self.has_begun = True
        yield self.run

    def _admit_last(self, event: AnswerEvent) -> Iterator[AnswerEvent]:
        if self._waiting:
            yield from self._admit_start(TextStart("sources"))
        for start in self.opened.values():
            yield from self._admit_end(_end_of(start))
        self.has_ended = True
        yield event

    def _admit_start(self, start: Start) -> Iterator[AnswerEvent]:
        key = key_of(start)
        if key in self.opened:
            return
        self.opened = {**self.opened, key: start}
        yield start
        if isinstance(start, TextStart):
            waiting, self._waiting = self._waiting, ()
            yield from waiting

    def _admit_end(self, end: End) -> Iterator[AnswerEvent]:
        closed = key_of(end)
        if closed in self.opened:
            self.opened = {key: self.opened[key] for key in self.opened if key != closed}
            yield end

    def _admit_source(self, source: Source) -> Iterator[AnswerEvent]:
        if self.open_text is not None:
            yield source
        else:
            self._waiting = (*self._waiting, source)

    def _admit_call(
        self, event: ToolStart | ToolArgs | ToolReady | ToolResult | ToolError
    ) -> Iterator[AnswerEvent]:
        call, key = event.call, key_of(event)
        if call not in self._calls:
            self._calls |= {call}
            self._wordless |= {call}
            yield from self._admit_start(ToolStart(call, getattr(event, "name", "")))
        match event:
            case ToolResult() | ToolError():
                yield event
            case ToolArgs(delta=delta) if delta and key in self.opened:
                self._wordless -= {call}
                yield event
            case ToolReady() if key in self.opened:
                if call in self._wordless:
                    yield ToolArgs(call, _arguments(event))
                yield from self._admit_end(event)


def key_of(event: Part | Call) -> Key:
    """What an event belongs to, among the parts and calls of its answer."""
    match event:
        case TextStart() | TextDelta() | TextEnd():
            return "text", event.part
        case ReasoningStart() | ReasoningDelta() | ReasoningEnd():
            return "reasoning", event.part
        case _:
            return "tool", event.call


def whole(pieces: Pieces) -> str:
    """The text of all pieces."""
    found = []
    while pieces is not None:
        pieces, last = pieces
        found.append(last)
    return "".join(reversed(found))


def _end_of(start: Start) -> End:
    match start:
        case TextStart(part=part):
            return TextEnd(part)
        case ReasoningStart(part=part):
            return ReasoningEnd(part)
        case ToolStart(call=call):
            return Unfinished(call)


def _arguments(ready: ToolReady) -> str:
    return to_json(ready.input) if ready.invalid is None else ready.invalid
