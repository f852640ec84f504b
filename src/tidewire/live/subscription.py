"""A subscription: one viewer's reading of one stream – history from its start, then live.

While it is live, nothing of it runs: the topic writes to its sink. It wakes to read
the log when the viewer has just come, when a slow viewer takes bytes again, and when
everything is over. There is one way out, for every reason to end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidewire.errors import LogUnavailable, StreamGone, StreamNotFound
from tidewire.live.base import Dialect, Sink
from tidewire.live.start import Reset, Start
from tidewire.live.topic import Topic, chunk
from tidewire.log.base import Batch, Commit, StreamInfo
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event

if TYPE_CHECKING:
    from tidewire.live.hub import Hub

__all__ = ["Subscription"]

READ_LIMIT = 256
RETRY_READ_SECONDS = 0.5

logger = logging.getLogger("tidewire.live")


class Subscription:
    """One viewer of one stream: enter it, ``run`` it once, leave it.

    ``offset`` is the last event that it has been given.
    """

    __slots__ = (
        "_has_begun", "_hub", "_must_read", "_start", "_topic", "_wake", "dialect", "encoder",
        "offset", "over", "sink", "stream", "within",
    )  # fmt: skip

    def __init__(
        self, hub: Hub, stream: StreamInfo, dialect: Dialect, start: Start, sink: Sink
    ) -> None:
        self.stream = stream
        self.dialect = dialect
        self.encoder = dialect.encoder()
        self.offset = start.offset
        self.within = start.within
        self.sink = sink
        self.over = False
        self._hub = hub
        self._topic: Topic
        self._start = start
        self._has_begun = False
        self._must_read = False
        self._wake: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Subscription:
        """Counts as a viewer from here on, though nothing is written before ``run``."""
        self._topic = self._hub.enter(self)
        self.sink.viewer = self
        self.over = self.sink.is_gone
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.sink.viewer = None
        self._hub.leave(self._topic, self)

    async def run(self) -> None:
        """Reads history, then stays live; returns when the stream or the viewer ends.

        Cancelling it is safe at any moment.
        """
        self._has_begun = True
        self.write(self.dialect.opening(self._cursor() if self._start.prime else None))
        if self._start.reset is not None:
            self._tell_reset(self._start.reset)
        await self._prime()
        while not self.over:
            await self._read_on()

    async def until_over(self) -> None:
        """Waits for the viewer to leave, before ``run``."""
        await self._sleep()

    # What the topic calls

    def take(self, commit: Commit) -> None:
        """Writes what this viewer has not seen of a commit that continues its offset."""
        skip = self.offset + 1 - commit.first
        if 0 <= skip < len(commit.events):
            self._emit(self.offset + 1, commit.events[skip:])

    def write(self, data: bytes) -> None:
        if data:
            self.sink.write(chunk(data) if self.sink.chunked else data)

    def read_again(self) -> None:
        """Something may be in the log that the topic does not know of."""
        self._must_read = True
        self._rouse()

    def end(self) -> None:
        """Nothing more will come: the stream is closed, or the viewer is sent away."""
        self.over = True
        self._rouse()

    def dismiss(self, retry_milliseconds: int) -> None:
        """Sends the viewer away before its stream ends; it is told when to come back."""
        if self._has_begun and not self.sink.is_paused:
            self.write(self.dialect.farewell(retry_milliseconds))
        self.end()

    # What the sink calls

    def paused(self) -> None:
        self._topic.withdraw(self)
        self._hub.figures.slow += 1

    def resumed(self) -> None:
        self._rouse()

    def gone(self) -> None:
        self.end()

    # Reading

    async def _prime(self) -> None:
        """Shows a stateful encoder the events before the start, without writing them."""
        offset = 0
        while self.dialect.stateful and offset < self.offset and not self.over:
            batch = await self._read(offset, limit=min(READ_LIMIT, self.offset - offset))
            if batch is None or not batch.events:
                return
            self.encoder.encode(self._topic.epoch, batch.first, batch.events)
            offset = batch.last

    async def _read_on(self) -> None:
        """One step: waits while the sink is full, joins the audience, or reads a batch."""
        if self.sink.is_paused:
            await self._sleep()
        elif not self._must_read and self._topic.covers(self.offset):
            await self._live()
        elif (batch := await self._read(self.offset, limit=READ_LIMIT)) is not None:
            self._emit_batch(batch)
            if self.offset >= batch.head and batch.closed:
                self.end()
            elif self.offset >= batch.head and not self._must_read:
                await self._live()

    async def _live(self) -> None:
        if self._topic.admit(self):
            await self._sleep()

    def _emit_batch(self, batch: Batch) -> None:
        if batch.first > self.offset + 1:
            lost = batch.first - 1 - self.offset
            self.offset, self.within = batch.first - 1, 0
            self._tell_reset("trimmed", lost=lost)
        if batch.events and not self.over:
            self._emit(batch.first, batch.events)

    def _emit(self, first: int, events: Sequence[Event]) -> None:
        data = self.encoder.encode(self._topic.epoch, first, events, within=self.within)
        self.within = 0
        self.offset = first + len(events) - 1
        self.write(data)

    async def _read(self, after: int, *, limit: int) -> Batch | None:
        """A batch; None if there is none to be had. Waits while the log cannot be read."""
        while not self.over:
            self._must_read = False
            try:
                return await self._hub.log.read(self._topic.name, after, limit=limit)
            except (StreamGone, StreamNotFound):
                self._tell_reset("gone")
                self.end()
            except LogUnavailable as exc:
                logger.warning("Holding a viewer of %s: %s", self._topic.name, exc)
                self.write(self.dialect.heartbeat)
                await asyncio.sleep(RETRY_READ_SECONDS)
        return None

    def _tell_reset(self, reason: str, *, lost: int | None = None) -> None:
        reset = Reset(self._topic.name, reason, self._cursor(), lost)
        self.write(self.dialect.reset(reset.cursor, msgspec.json.encode(reset).decode()))

    def _cursor(self) -> str:
        return str(Position(self._topic.epoch, self.offset, self.within))

    # Waiting

    async def _sleep(self) -> None:
        """Until ``_rouse``: the sink takes bytes again, or all is over."""
        if not self.over:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
