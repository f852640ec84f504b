"""Reading on by number: for clients that count what they have read, and know no cursor.

Their number is the place of an SSE event in the stream as their protocol writes it. It
only means the same in every reading if every stored event is written by itself, whatever
is read together with it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from tidewire.dialects.base import Dialect
from tidewire.wire.event import Event

__all__ = ["Counted", "count"]


class Counted(Dialect):
    """``dialect`` without its first ``after`` SSE events. Begins at the start of the stream:
    what is left out has to be counted."""

    stateful = True
    resumes = False

    def __init__(self, dialect: Dialect, after: int = 0) -> None:
        self.name = f"{dialect.name}+{after}"
        self.keeps = dialect.keeps
        self.headers = dialect.headers
        self.heartbeat = dialect.heartbeat
        self._dialect = dialect
        self._after = after

    def encoder(self) -> _Encoder:
        return _Encoder(self._dialect, self._after)

    def opening(self, cursor: str | None) -> bytes:
        return self._dialect.opening(cursor)

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        return self._dialect.control(type, cursor, data)

    def farewell(self, retry_milliseconds: int) -> bytes:
        return self._dialect.farewell(retry_milliseconds)


def count(dialect: Dialect, events: Sequence[Event]) -> int:
    """How many SSE events there are for the stored ones; ``[DONE]`` is none."""
    data = Counted(dialect).encoder().encode("", 1, events)
    return data.count(b"\n\n") - data.endswith(b"data: [DONE]\n\n")


class _Encoder:
    """``left``: how many SSE events are still to be left out."""

    def __init__(self, dialect: Dialect, left: int) -> None:
        self._inner = dialect.encoder()
        self._left = left

    def __copy__(self) -> _Encoder:
        twin = _Encoder.__new__(_Encoder)
        twin._inner, twin._left = copy.copy(self._inner), self._left
        return twin

    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        each = [
            self._inner.encode(epoch, offset, [event], others=others)
            for offset, event in enumerate(events, first)
        ]
        return self._rest(b"".join(each))

    def joining(self) -> bytes:
        return b""

    def _rest(self, data: bytes) -> bytes:
        """``data`` without what is left out. JSON has no blank lines: they end the events."""
        while self._left and data:
            _, _, data = data.partition(b"\n\n")
            self._left -= 1
        return data
