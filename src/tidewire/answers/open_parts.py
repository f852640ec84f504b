"""Which parts of an answer are open, and what closes them when it ends early."""

from __future__ import annotations

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningEnd,
    ReasoningStart,
    TextDelta,
    TextEnd,
    TextStart,
)

__all__ = ["OpenParts"]


class OpenParts:
    """Show it every event of an answer in order; ``closing`` gives the missing ends.

    A tool call without its ``tool.ready`` stays unfinished: its arguments are not whole,
    and no event may claim that they are.
    """

    def __init__(self) -> None:
        self._ends: dict[str, AnswerEvent] = {}

    def see(self, event: AnswerEvent) -> None:
        kind = type(event)
        if kind is TextDelta:  # nearly every event
            return
        if kind is TextStart:
            self._ends[event.part] = TextEnd(event.part)  # type: ignore[attr-defined]
        elif kind is ReasoningStart:
            self._ends[event.part] = ReasoningEnd(event.part)  # type: ignore[attr-defined]
        elif kind is TextEnd or kind is ReasoningEnd:
            self._ends.pop(event.part, None)  # type: ignore[attr-defined]

    def closing(self) -> list[AnswerEvent]:
        """The ends of all open parts, in the order they were opened."""
        ends, self._ends = list(self._ends.values()), {}
        return ends
