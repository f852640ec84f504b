"""What a run can be made of: any async iterable of answer events, texts and strings.

Adapters yield well-formed events. A builder's generator may just yield ``text("…")``
and ``reasoning("…")``, or plain strings: their parts are opened and closed here. One that
passes on another run says the end of that; its beginning is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from typing import ClassVar

from tidewire.answers.events import AnswerEvent, ReasoningDelta, RunStarted, TextDelta, ToolArgs
from tidewire.models.parts import Parts

__all__ = ["Composer", "Piece", "Source", "reasoning", "text"]


class Piece(AnswerEvent, frozen=True):
    """A piece of text or reasoning that belongs to whatever part is open. Never stored."""

    type: ClassVar[str] = "piece"
    delta: str
    is_reasoning: bool = False


Source = AsyncIterable[AnswerEvent | str]


def text(delta: str) -> AnswerEvent:
    """A piece of the answer's text."""
    return Piece(delta)


def reasoning(delta: str) -> AnswerEvent:
    """A piece of the model's thinking, shown apart from its answer."""
    return Piece(delta, is_reasoning=True)


_DELTAS = frozenset({TextDelta, ReasoningDelta, ToolArgs})


class Composer:
    """Turns what a source yields into well-formed events."""

    def __init__(self) -> None:
        self._parts: Parts | None = None  # adapters never need it

    def compose(self, said: AnswerEvent | str) -> Sequence[AnswerEvent]:
        """The events to store. Raises TypeError for anything but events and strings."""
        if type(said) in _DELTAS and self._parts is None:  # nearly all that an adapter says
            return (said,)  # type: ignore[return-value]
        if isinstance(said, str):
            said = Piece(said)
        if isinstance(said, Piece):
            self._parts = self._parts or Parts()
            if said.is_reasoning:
                return self._parts.reasoning(said.delta)
            return self._parts.text(said.delta)
        if not isinstance(said, AnswerEvent):
            kind = type(said).__name__
            raise TypeError(f"A run is made of answer events and strings, not {kind}.")
        if isinstance(said, RunStarted):  # of another run
            return ()
        if self._parts is None:
            return (said,)
        return (*self._parts.close(), said)
