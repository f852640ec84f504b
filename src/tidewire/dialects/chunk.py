"""``chunk``: ``{"type": "chunk", "content": "…"}``, then ``{"type": "done"}``.

The relay of a chat model in its simplest form. A failure is ``{"type": "error",
"message", "code", "retryable"}``; a stop is ``done`` with ``"stopped": true``.
Reasoning, tools and sources are left out.
"""

from __future__ import annotations

from tidewire.answers.events import AnswerEvent, RunFailed, RunFinished, RunStopped, TextDelta
from tidewire.dialects.base import AnswerEncoder, Dialect, sse, to_json
from tidewire.dialects.features import Feature
from tidewire.wire.cursor import Position

__all__ = ["Chunk"]


class _Encoder(AnswerEncoder):
    def write(self, event: AnswerEvent, before: Position) -> str:
        match event:
            case TextDelta(delta=delta):
                return sse(before, to_json({"type": "chunk", "content": delta[before.within :]}))
            case RunFinished():
                return sse(before, '{"type":"done"}')
            case RunStopped():
                return sse(before, '{"type":"done","stopped":true}')
            case RunFailed(code=code, message=message, retryable=retryable):
                return sse(
                    before,
                    to_json(
                        {"type": "error", "message": message, "code": code, "retryable": retryable}
                    ),
                )
        return ""


class Chunk(Dialect):
    name = "chunk"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.STOPPED, Feature.FAILED, Feature.CODE, Feature.RETRYABLE,
            Feature.CURSOR, Feature.CONTINUES,
        }
    )  # fmt: skip

    def encoder(self) -> _Encoder:
        return _ENCODER


_ENCODER = _Encoder()
