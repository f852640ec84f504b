"""``d``: every piece of text as ``data: {"d": "…"}``, then ``event: done``.

For front ends that read an answer with a native ``EventSource`` and know one key.
A failure is ``event: error`` with ``{"code", "message", "retryable"}``; a stop is
``done`` with ``{"stopped": true}``. Reasoning, tools and sources are left out.
"""

from __future__ import annotations

from tidewire.answers.events import AnswerEvent, RunFailed, RunFinished, RunStopped, TextDelta
from tidewire.dialects.base import AnswerEncoder, Dialect, sse, to_json
from tidewire.dialects.features import Feature
from tidewire.wire.cursor import Position

__all__ = ["D"]


class _Encoder(AnswerEncoder):
    def write(self, event: AnswerEvent, before: Position) -> str:
        match event:
            case TextDelta(delta=delta):
                return sse(before, to_json({"d": delta[before.within :]}))
            case RunFinished():
                return sse(before, "", event="done")
            case RunStopped():
                return sse(before, to_json({"stopped": True}), event="done")
            case RunFailed():
                return sse(before, to_json(event), event="error")
        return ""


class D(Dialect):
    name = "d"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.STOPPED, Feature.FAILED, Feature.CODE, Feature.RETRYABLE,
            Feature.CURSOR, Feature.CONTINUES,
        }
    )  # fmt: skip

    def encoder(self) -> _Encoder:
        return _ENCODER


_ENCODER = _Encoder()
