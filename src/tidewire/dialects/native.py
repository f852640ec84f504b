"""``native``: every stored event as it is – ``id: cursor``, ``event: type``, ``data: JSON``.

Nothing is lost and nothing is parsed, so it is also the dialect of channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tidewire.dialects.base import Dialect, without_start
from tidewire.dialects.features import EVERYTHING
from tidewire.wire.cursor import base36
from tidewire.wire.event import Event
from tidewire.wire.writer import check_field, data_lines, frame

__all__ = ["Native"]


class _Encoder:
    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        if within:
            events = [without_start(events[0], within), *events[1:]]
        out = ""
        for offset, (type, data) in enumerate(events, first):
            out += (
                f"id: {epoch}-{base36(offset)}{others}\n{_name(type)}data: {data_lines(data)}\n\n"
            )
        return out.encode()

    def joining(self) -> bytes:
        return b""


@lru_cache(maxsize=256)
def _name(type: str) -> str:
    """The event field; there are few types and many events."""
    return f"event: {check_field('event', type)}\n"


class Native(Dialect):
    name = "native"
    keeps = EVERYTHING
    multiplexes = True

    def encoder(self) -> _Encoder:
        return _ENCODER

    def signal(self, type: str, data: str) -> bytes:
        return frame(data, event=type)


_ENCODER = _Encoder()
