"""A reading: one stream's place in one viewer – history from its start, then live.

While it is live, nothing of it runs: the topic hands it commits. It reads the log when
the viewer has just come, and when a slow viewer takes bytes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidewire.errors import LogUnavailable, StreamGone, StreamNotFound
from tidewire.live.base import Dialect
from tidewire.live.control import Reset
from tidewire.live.start import Start
from tidewire.log.base import CHANNEL, Batch, Commit, StreamInfo
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event

if TYPE_CHECKING:
    from tidewire.live.subscription import Subscription
    from tidewire.live.topic import Group, Topic

__all__ = ["Reading"]

READ_LIMIT = 256
RETRY_READ_SECONDS = 0.5

logger = logging.getLogger("tidewire.live")


class Reading:
    """``offset`` is the last event given; ``is_live``: the topic brings what follows;
    ``is_done``: nothing will follow."""

    __slots__ = (
        "_offset", "dialect", "encoder", "group", "is_done", "is_live", "is_shared", "start",
        "stream", "topic", "viewer", "within",
    )  # fmt: skip

    def __init__(
        self, viewer: Subscription, stream: StreamInfo, start: Start, *, is_shared: bool
    ) -> None:
        self.viewer = viewer
        self.stream = stream
        self.dialect: Dialect = viewer.dialect
        self.encoder = viewer.dialect.encoder()
        self.start = start
        self._offset = start.offset
        self.within = start.within
        self.is_shared = is_shared
        self.is_live = False
        self.is_done = False
        self.topic: Topic
        self.group: Group | None = None
        """Those it is abreast of; they move as one."""

    @property
    def offset(self) -> int:
        return self._offset if self.group is None else self.group.offset

    @offset.setter
    def offset(self, offset: int) -> None:
        self._offset = offset

    @property
    def position(self) -> Position:
        return Position(self.stream.epoch, self.offset, self.within)

    @property
    def is_over(self) -> bool:
        """True if nothing more may be written: it is done, or its viewer is."""
        return self.is_done or self.viewer.is_over

    @property
    def label(self) -> str:
        """What its readers call the stream: channels are known by their bare name."""
        return self.stream.name.removeprefix(CHANNEL)

    # What the topic calls

    def take(self, commit: Commit) -> None:
        """Writes what this viewer has not seen of a commit that continues its offset."""
        skip = self.offset + 1 - commit.first
        if 0 <= skip < len(commit.events):
            self._emit(self.offset + 1, commit.events[skip:])

    def end(self) -> None:
        """Nothing more will come of this stream."""
        self.is_done = True
        self.viewer.reading_ended()

    # What the viewer calls

    async def prime(self) -> None:
        """Shows a stateful encoder the events before the start, without writing them.

        What its protocol has to say before it can begin there is written.
        """
        offset = 0
        while self.dialect.stateful and offset < self.offset and not self.is_over:
            batch = await self._read(offset, limit=min(READ_LIMIT, self.offset - offset))
            if batch is None or not batch.events:
                return
            before = batch.events[: max(0, self.offset + 1 - batch.first)]  # some may be trimmed
            self.encoder.encode(self.stream.epoch, batch.first, before)
            offset = batch.last
        self.viewer.write(self.encoder.joining())

    async def read_on(self) -> None:
        """One step: joins the live audience, or reads a batch and then tries to."""
        if self.topic.covers(self.offset):
            self.topic.admit(self)
            return
        batch = await self._read(self.offset, limit=READ_LIMIT)
        if batch is None or self.is_over:
            return
        self._emit_batch(batch)
        if self.offset >= batch.head and batch.closed:
            self.end()
        elif self.offset >= batch.head:
            self.topic.admit(self)

    def _tell_reset(self, reason: str, *, lost: int | None = None) -> None:
        """Says in the stream that continuity is broken, and where it goes on."""
        reset = Reset(self.label, reason, str(self.position), lost)
        self.viewer.tell(reset, self.viewer.readings.cursor(self))

    def _emit_batch(self, batch: Batch) -> None:
        if batch.first > self.offset + 1:
            lost = batch.first - 1 - self.offset
            self.offset, self.within = batch.first - 1, 0
            self._tell_reset("trimmed", lost=lost)
        if batch.events:
            self._emit(batch.first, batch.events)

    def _emit(self, first: int, events: Sequence[Event]) -> None:
        others = self.viewer.readings.others(self)
        data = self.encoder.encode(
            self.stream.epoch, first, events, within=self.within, others=others
        )
        self.within = 0
        self.offset = first + len(events) - 1
        self.topic.hub.figures.delivered_bytes += len(data)
        self.viewer.write(data)

    async def _read(self, after: int, *, limit: int) -> Batch | None:
        """A batch; None if there is none to be had. Waits while the log cannot be read."""
        name, epoch = self.stream.name, self.stream.epoch
        while not self.is_over:
            try:
                return await self.topic.hub.log.read(name, after, limit=limit, epoch=epoch)
            except (StreamGone, StreamNotFound):
                if not self.is_over:
                    self._tell_reset("gone")
                    self.end()
            except LogUnavailable as exc:
                logger.warning("Holding a viewer of %s: %s", self.stream.name, exc)
                self.viewer.write(self.dialect.heartbeat)
                await asyncio.sleep(RETRY_READ_SECONDS)
        return None
