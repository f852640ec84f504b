"""``typewriter``: the answer character by character, with its place.

``{"type": "start"}``, then ``{"type": "chunk", "char", "index", "total"}`` for every
character, then ``{"type": "end"}``. A character is a Unicode code point, never half a
surrogate pair. ``total`` counts the characters that are known so far: the model has
not said more yet when the event is written. A failure is ``{"type": "error",
"message", "code", "retryable"}``.

One stored delta becomes many SSE events. Each but the last carries a partial cursor,
so a viewer cut off between two characters resumes at the very next one.
"""

from __future__ import annotations

from tidewire.answers.events import (
    AnswerEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    TextDelta,
)
from tidewire.dialects.base import AnswerEncoder, Dialect, sse, to_json
from tidewire.dialects.features import Feature
from tidewire.wire.cursor import Position

__all__ = ["Typewriter"]


class _Encoder(AnswerEncoder):
    """``_total``: the characters of all deltas encoded so far."""

    def __init__(self) -> None:
        self._total = 0

    def write(self, event: AnswerEvent, before: Position) -> str:
        match event:
            case TextDelta(delta=delta):
                return self._type(delta, before)
            case RunStarted():
                return sse(before, '{"type":"start"}')
            case RunFinished():
                return sse(before, to_json({"type": "end", "total": self._total}))
            case RunStopped():
                return sse(before, to_json({"type": "end", "total": self._total, "stopped": True}))
            case RunFailed(code=code, message=message, retryable=retryable):
                return sse(
                    before,
                    to_json(
                        {"type": "error", "message": message, "code": code, "retryable": retryable}
                    ),
                )
        return ""

    def _type(self, delta: str, before: Position) -> str:
        start = self._total
        self._total += len(delta)
        out = []
        for place in range(before.within, len(delta)):
            cursor = before._replace(within=place + 1)
            if place == len(delta) - 1:
                cursor = Position(before.epoch, before.offset + 1)
            char = {
                "type": "chunk",
                "char": delta[place],
                "index": start + place,
                "total": self._total,
            }
            out.append(f"id: {cursor}\ndata: {to_json(char)}\n\n")
        return "".join(out)


class Typewriter(Dialect):
    name = "typewriter"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.STOPPED, Feature.FAILED, Feature.CODE, Feature.RETRYABLE,
            Feature.CURSOR, Feature.CONTINUES,
        }
    )  # fmt: skip
    stateful = True

    def encoder(self) -> _Encoder:
        return _Encoder()
