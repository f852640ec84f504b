"""``native``: every stored event as it is – ``id: cursor``, ``event: type``, ``data: JSON``.

Nothing is lost and nothing is parsed, so it is also the dialect of channels.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidewire.dialects.base import Dialect, without_start
from tidewire.wire.cursor import base36
from tidewire.wire.event import Event
from tidewire.wire.writer import frame

__all__ = ["Native"]


class _Encoder:
    def encode(self, epoch: str, first: int, events: Sequence[Event], *, within: int = 0) -> bytes:
        if within:
            events = [without_start(events[0], within), *events[1:]]
        out = b""
        for offset, (type, data) in enumerate(events, first):
            out += frame(data, event=type, id=f"{epoch}-{base36(offset)}")
        return out


class Native(Dialect):
    name = "native"

    def encoder(self) -> _Encoder:
        return _ENCODER


_ENCODER = _Encoder()
