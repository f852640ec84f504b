"""``delta``: ``{"sessionId": "…"}`` first, ``{"type": "delta", "content": "…"}``, ``[DONE]``.

The session's id goes out before the answer, so that the front end can bind it. A
failure is ``event: error`` with ``{"message", "code", "retryable"}`` and then
``[DONE]``; a stop is ``[DONE]`` alone. Reasoning, tools and sources are left out.
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

__all__ = ["Delta"]


class _Encoder(AnswerEncoder):
    def write(self, event: AnswerEvent, before: Position) -> str:
        match event:
            case TextDelta(delta=delta):
                return sse(before, to_json({"type": "delta", "content": delta[before.within :]}))
            case RunStarted(session=str(session)):
                return sse(before, to_json({"sessionId": session}))
            case RunFinished() | RunStopped():
                return sse(before, "[DONE]")
            case RunFailed():
                # The id stands on the last of the two: a cut between them repeats both.
                return f"event: error\ndata: {to_json(event)}\n\n" + sse(before, "[DONE]")
        return ""


class Delta(Dialect):
    name = "delta"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.SESSION, Feature.FAILED, Feature.CODE, Feature.RETRYABLE,
            Feature.CURSOR, Feature.CONTINUES,
        }
    )  # fmt: skip

    def encoder(self) -> _Encoder:
        return _ENCODER


_ENCODER = _Encoder()
