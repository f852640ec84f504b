"""A subscription: one viewer's reading of one or several streams into one sink.

It wakes to bring readings that are behind up to the live audience, one batch of each in
turn, so that a stream that floods does not starve the others. While all are live,
nothing of it runs. There is one way out, for every reason to end.

Its cursor is the positions of all its streams, the one that has just moved first, so
whoever reads an id knows which stream the event came from.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tidewire.errors import BadRequest
from tidewire.live.base import Dialect, Sink, Visit
from tidewire.live.reading import Reading
from tidewire.live.start import Open, Reset, Start
from tidewire.live.topic import chunk
from tidewire.log.base import StreamInfo
from tidewire.wire.cursor import CHANGED, Position, write_cursor

if TYPE_CHECKING:
    from tidewire.live.hub import Hub

__all__ = ["MAX_STREAMS", "Subscription", "settle"]

MAX_STREAMS = 256


class Subscription:
    """One viewer: enter it, ``run`` it once, leave it.

    With ``announce`` the first event is ``stream.open``: which streams, from where.
    """

    __slots__ = (
        "_announce", "_has_begun", "_hub", "_is_changed", "_missing", "_prime", "_wake", "about",
        "dialect", "ends_at", "id", "over", "readings", "sent_at", "sink", "started_at",
        "visit",
    )  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        streams: Sequence[tuple[StreamInfo, Start]],
        dialect: Dialect,
        sink: Sink,
        *,
        announce: bool = False,
        changed: bool = False,
        missing: Sequence[Position] = (),
        about: str = "",
        visit: Visit | None = None,
    ) -> None:
        self.id = ""
        self.about = about
        self.visit = visit
        self.dialect = dialect
        self.sink = sink
        self.over = False
        self.started_at = self.sent_at = 0.0
        self.ends_at = math.inf
        is_shared = len(streams) == 1 and not changed  # else its ids are its own
        self.readings = [
            Reading(self, stream, start, is_shared=is_shared) for stream, start in streams
        ]
        self._hub = hub
        self._announce = announce
        self._is_changed = changed
        self._missing = missing
        self._prime = any(start.prime for _, start in streams)
        self._has_begun = False
        self._wake: Callable[[], object] | None = None

    async def __aenter__(self) -> Subscription:
        self.enter()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.leave()

    def enter(self) -> None:
        """Counts as a viewer from here on, though nothing is written before ``catch_up``."""
        self._hub.enter(self)
        self.sink.viewer = self
        self.over = self.sink.is_gone

    def leave(self) -> None:
        self.sink.viewer = None
        self._hub.leave(self)
        self.readings.clear()  # a cycle: its connection would wait for the garbage collector

    async def run(self) -> None:
        """Reads history, then stays live; returns when all streams or the viewer end.

        Cancelling it is safe at any moment.
        """
        await self.catch_up()
        await self.stay()

    async def stay(self) -> None:
        """The second part of ``run``, after ``catch_up``."""
        while not self.over:
            await self.keep_up()
            await self._sleep()

    async def keep_up(self) -> None:
        """Reads until all that is stored was given, the sink is full, or all is over."""
        while not (self.over or self.sink.is_paused or self.is_live):
            await self._step()

    def rest(self, wake: Callable[[], object]) -> None:
        """Instead of ``stay``: nothing of it runs until ``wake`` is called, once, because
        there is something to ``keep_up`` with, or because it is over."""
        self._wake = wake

    async def catch_up(self) -> None:
        """The first part of ``run``: until all that is stored was given, or the sink is full."""
        self._has_begun = True
        resets = self._resets()
        # An id says that all before it is known: none is given while a reset is to be told.
        cursor = None if resets else self.cursor()
        self.write(self.dialect.opening(cursor if self._prime else None))
        if self._announce:
            self._tell_open(cursor)
        for reading in tuple(self.readings):
            await reading.prime()
        for reset in resets:
            self.tell_reset(reset, cursor=self.cursor() if reset is resets[-1] else None)
        await self.keep_up()

    def left(self) -> asyncio.Future[None]:
        """Done when the viewer leaves; to be waited for before ``run``."""
        roused = self._roused()
        if self.over:
            self._rouse()
        return roused

    def write(self, data: bytes) -> None:
        """Writes to this viewer alone."""
        if data:
            self.sent_at = self._hub.now()
            self.sink.write(chunk(data) if self.sink.chunked else data)

    def beat(self) -> None:
        """A heartbeat, unless something was sent a short while ago."""
        if self._hub.now() - self.sent_at >= self._hub.heartbeat_seconds:
            self.write(self.dialect.heartbeat)

    def cursor(self, first: Reading | None = None) -> str:
        """Where the viewer stands in all its streams, ``first`` at the front."""
        readings = sorted(self.readings, key=lambda reading: reading is not first)
        cursor = write_cursor([reading.position for reading in readings])
        return cursor + CHANGED if self._is_changed else cursor

    def others(self, moving: Reading) -> str:
        """What follows the position of ``moving`` in the cursor of an event of it."""
        if moving.is_shared:
            return ""
        rest = [f".{reading.position}" for reading in self.readings if reading is not moving]
        return "".join(rest) + (CHANGED if self._is_changed else "")

    @property
    def is_live(self) -> bool:
        """True if everything stored so far has been given."""
        return all(reading.is_live or reading.is_done for reading in self.readings)

    @property
    def is_done(self) -> bool:
        """True if nothing more will come of any of its streams."""
        return all(reading.is_done for reading in self.readings)

    def places(self) -> list[Open.Place]:
        """Where it stands in each stream."""
        return [
            Open.Place(reading.label, str(reading.position), reading.start.resumed)
            for reading in self.readings
        ]

    # Changing the set of streams while it is open

    def change(
        self, *, add: Sequence[tuple[StreamInfo, Start]] = (), remove: Collection[str] = ()
    ) -> None:
        """Reads more streams, or fewer, on the same connection; no event of one that stays
        is lost. Unknown names to remove, and streams it has already, are no error;
        what is in both stays.

        Raises BadRequest for too many, for none, and where the dialect carries one only.
        """
        if not self.dialect.multiplexes:
            raise BadRequest(f"The dialect '{self.dialect.name}' carries one stream only.")
        wanted = {stream.epoch: (stream, start) for stream, start in add}
        leaving = [
            reading
            for reading in self.readings
            if reading.is_done or (reading.label in remove and reading.stream.epoch not in wanted)
        ]
        staying = {reading.stream.epoch for reading in self.readings if reading not in leaving}
        coming = {epoch: wanted[epoch] for epoch in wanted if epoch not in staying}
        if not 0 < len(staying) + len(coming) <= MAX_STREAMS:
            raise BadRequest(f"A connection carries 1 to {MAX_STREAMS} streams.")
        self._unshare()
        for reading in leaving:
            reading.is_done = True
            self.readings.remove(reading)
            self._hub.leave_reading(reading)
        for stream, start in coming.values():
            reading = Reading(self, stream, start, is_shared=False)
            self.readings.append(reading)
            self._hub.enter_reading(reading)
        if self._has_begun:
            self._tell_open(self.cursor())
        self._rouse()

    def _unshare(self) -> None:
        """From now on this viewer's ids are its own."""
        self._is_changed = True
        for reading in self.readings:
            if reading.is_shared:
                if reading.is_live:
                    reading.topic.withdraw(reading)
                reading.is_shared = False

    # What readings, sink and hub call

    def reading_ended(self) -> None:
        if self.is_done:
            self.end()

    def end(self) -> None:
        """Nothing more will come, or the viewer is sent away."""
        self.over = True
        self._rouse()

    def dismiss(self, retry_milliseconds: int) -> None:
        """Sends the viewer away before its streams end; it is told when to come back."""
        if self._has_begun and not self.sink.is_paused:
            self.write(self.dialect.farewell(retry_milliseconds))
        self.end()

    def paused(self) -> None:
        self._withdraw()
        self._hub.figures.slow += 1

    def resumed(self) -> None:
        self._rouse()

    def gone(self) -> None:
        self._withdraw()
        self.end()

    def _withdraw(self) -> None:
        for reading in self.readings:
            if reading.is_live:
                reading.topic.withdraw(reading)

    # Reading on

    async def _step(self) -> None:
        """One batch for every reading that is behind."""
        for reading in [r for r in self.readings if not r.is_live and not r.is_done]:
            if self.over or self.sink.is_paused:
                return
            if not reading.is_done:  # it may have been removed meanwhile
                await reading.read_on()

    async def _sleep(self) -> None:
        """Until the sink takes bytes again, a stream was added, or all is over."""
        if not self.over:
            await self._roused()

    def _roused(self) -> asyncio.Future[None]:
        """Done at the next ``_rouse``."""
        roused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wake = partial(settle, roused)
        return roused

    def _rouse(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def _tell_open(self, cursor: str | None) -> None:
        data = msgspec.json.encode(Open(self.id, self.places())).decode()
        self.write(self.dialect.control("stream.open", cursor, data))

    def _resets(self) -> list[Reset]:
        """What could not be continued from the start on."""
        missing = [Reset("", "gone", str(position)) for position in self._missing]
        return missing + [
            Reset(reading.label, reading.start.reset, str(reading.position))
            for reading in self.readings
            if reading.start.reset is not None
        ]

    def tell_reset(self, reset: Reset, *, cursor: str | None) -> None:
        """Says in the stream that continuity is broken; ``cursor`` is the event's id."""
        data = msgspec.json.encode(reset).decode()
        self.write(self.dialect.control("stream.reset", cursor, data))


def settle(future: asyncio.Future[None]) -> None:
    """Sets it done, unless it is: another was faster, or its waiter was cancelled."""
    if not future.done():
        future.set_result(None)
