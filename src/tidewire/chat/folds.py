"""Folds: what the events of a stream come to, kept up to date by reading on when asked.

Who is in a room, what somebody has not read: no state of its own is stored, so it can
never disagree with the stream, and after a restart it is what it was. Reading only what
is new makes asking cheap; what other processes appended is in it, too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from tidewire.errors import StreamGone, StreamNotFound
from tidewire.log.base import Log
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event

__all__ = ["Fold", "Folded", "Folds"]


class Fold(Protocol):
    """What the events of one stream come to."""

    def apply(self, offset: int, event: Event) -> None:
        """The next event. Types that it does not know are none of its business."""
        ...

    def forget(self, first: int) -> None:
        """Retention has removed what was before ``first``."""
        ...


F = TypeVar("F", bound=Fold)


class Folded(Generic[F]):
    """A fold, and how far it has come. ``epoch`` is "" while there is no such stream."""

    def __init__(self, state: F) -> None:
        self.state = state
        self.epoch = ""
        self.offset = 0
        self.lock = asyncio.Lock()

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.offset)

    def begin(self, state: F, epoch: str) -> None:
        self.state = state
        self.epoch = epoch
        self.offset = 0


class Folds(Generic[F]):
    """The folds of many streams; ``most`` of them, those asked for last, are remembered."""

    def __init__(self, log: Log, make: Callable[[], F], *, most: int = 1000) -> None:
        self._log = log
        self._make = make
        self._most = most
        self._known: OrderedDict[str, Folded[F]] = OrderedDict()

    async def get(self, stream: str) -> Folded[F]:
        """The fold of all that is stored now. Look at it before you await again.

        Raises LogUnavailable.
        """
        folded = self._known.get(stream)
        if folded is None:
            folded = self._known[stream] = Folded(self._make())
        self._known.move_to_end(stream)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        async with folded.lock:
            await self._read_on(stream, folded)
        return folded

    async def _read_on(self, stream: str, folded: Folded[F]) -> None:
        try:
            info = await self._log.info(stream)
            if info.epoch != folded.epoch:
                folded.begin(self._make(), info.epoch)
            folded.state.forget(info.first)
            folded.offset = max(folded.offset, info.first - 1)
            while folded.offset < info.head:
                batch = await self._log.read(stream, folded.offset)
                for offset, event in enumerate(batch.events, batch.first):
                    folded.state.apply(offset, event)
                if not batch.events:
                    return
                folded.offset = batch.last
        except (StreamNotFound, StreamGone):
            folded.begin(self._make(), "")
