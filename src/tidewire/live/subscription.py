"""A subscription: one viewer's reading of one or several streams into one sink.

It wakes to bring readings that are behind up to the live audience, one batch of each in
turn, so that a stream that floods does not starve the others. While all are live,
nothing of it runs. There is one way out, for every reason to end.
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
from tidewire.live.control import Open, Reset
from tidewire.live.readings import Readings
from tidewire.live.sinks import chunk
from tidewire.live.start import Start, Starts
from tidewire.log.base import StreamInfo

if TYPE_CHECKING:
    from tidewire.live.hub import Hub

__all__ = ["Subscription", "mark_done"]


class Subscription:
    """One viewer: enter it, ``run`` it once, leave it.

    ``announce``: its first event is ``stream.open``: which streams, from where.
    ``about``: the peer, for the list of connections. ``visit`` hears when the viewer begins
    to read its stream and when that ends.
    """

    __slots__ = (
        "_announce", "_has_begun", "_hub", "_missing", "_prime", "_wake", "about", "dialect",
        "ends_at", "id", "is_over", "readings", "sent_at", "sink", "started_at", "visit",
    )  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        starts: Starts,
        dialect: Dialect,
        sink: Sink,
        *,
        announce: bool = False,
        about: str = "",
        visit: Visit | None = None,
    ) -> None:
        self.id = ""
        self.about = about
        self.visit = visit
        self.dialect = dialect
        self.sink = sink
        self.is_over = False
        self.started_at = self.sent_at = 0.0
        self.ends_at = math.inf
        self.readings = Readings(self, starts)
        self._hub = hub
        self._announce = announce
        self._missing = starts.missing
        self._prime = any(start.prime for _, start in starts.streams)
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
        self.is_over = self.sink.is_gone

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
        while not self.is_over:
            await self.keep_up()
            await self._sleep()

    async def keep_up(self) -> None:
        """Reads until all that is stored was given, the sink is full, or all is over."""
        while not (self.is_over or self.sink.is_paused or self.readings.is_live):
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
        cursor = None if resets else self.readings.cursor()
        self.write(self.dialect.opening(cursor if self._prime else None))
        if self._announce:
            self._tell_open(cursor)
        for reading in tuple(self.readings):
            await reading.prime()
        for reset in resets:
            self.tell(reset, self.readings.cursor() if reset is resets[-1] else None)
        await self.keep_up()

    def left(self) -> asyncio.Future[None]:
        """Done when the viewer leaves; to be waited for before ``run``."""
        roused = self._roused()
        if self.is_over:
            self._rouse()
        return roused

    def write(self, data: bytes) -> None:
        """Writes to this viewer alone."""
        if data:
            self.sent_at = self._hub.now()
            self.sink.write(chunk(data) if self.sink.chunked else data)

    def tell(self, control: Open | Reset, cursor: str | None) -> None:
        """Says something of the streams in their midst; ``cursor`` is its id."""
        data = msgspec.json.encode(control).decode()
        self.write(self.dialect.control(control.type, cursor, data))

    def beat(self) -> None:
        """A heartbeat, unless something was sent a short while ago."""
        if self._hub.now() - self.sent_at >= self._hub.heartbeat_seconds:
            self.write(self.dialect.heartbeat)
            self.sent_at = self._hub.now()  # in a dialect without a heartbeat as well

    def change(
        self, *, add: Sequence[tuple[StreamInfo, Start]] = (), remove: Collection[str] = ()
    ) -> None:
        """Reads more streams, or fewer, on the same connection; no event of one that stays
        is lost. Unknown names to remove, and streams it has already, are no error;
        what is in both stays.

        Raises BadRequest for too many, for none, where the dialect carries one only, and where
        nothing was announced: there, no other set could be asked for again.
        """
        if not self.dialect.multiplexes:
            raise BadRequest(f"The dialect '{self.dialect.name}' carries one stream only.")
        if not self._announce:
            raise BadRequest("Only a connection that began with stream.open can be changed.")
        left, came = self.readings.change(self, add=add, remove=remove)
        for reading in left:
            self._hub.leave_reading(reading)
        for reading in came:
            self._hub.enter_reading(reading)
        if self._has_begun:
            self._tell_open(self.readings.cursor())
        self._rouse()

    # What readings, sink and hub call

    def reading_ended(self) -> None:
        if self.readings.is_done:
            self.end()

    def end(self) -> None:
        """Nothing more will come, or the viewer is sent away."""
        self.is_over = True
        self._rouse()

    def dismiss(self, retry_milliseconds: int) -> None:
        """Sends the viewer away before its streams end; it is told when to come back.

        These are its last words: to one that is over, nothing is said any more.
        """
        if self.is_over:
            return
        if self._has_begun and not self.sink.is_paused:
            self.write(self.dialect.farewell(retry_milliseconds))
        self.readings.withdraw()
        self.end()

    def paused(self) -> None:
        self.readings.withdraw()
        self._hub.figures.slow += 1

    def resumed(self) -> None:
        self._rouse()

    def gone(self) -> None:
        self.readings.withdraw()
        self.end()

    # Reading on

    async def _step(self) -> None:
        """One batch for every reading that is behind."""
        for reading in self.readings.behind():
            if self.is_over or self.sink.is_paused:
                return
            if not reading.is_done:  # it may have been removed meanwhile
                self.readings.last = reading
                await reading.read_on()

    async def _sleep(self) -> None:
        """Until the sink takes bytes again, a stream was added, or all is over."""
        if not self.is_over:
            await self._roused()

    def _roused(self) -> asyncio.Future[None]:
        """Done at the next ``_rouse``."""
        roused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wake = partial(mark_done, roused)
        return roused

    def _rouse(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def _tell_open(self, cursor: str | None) -> None:
        self.tell(Open(self.id, self.readings.places()), cursor)

    def _resets(self) -> list[Reset]:
        """What could not be continued from the start on."""
        missing = [Reset("", "gone", str(position)) for position in self._missing]
        return missing + self.readings.resets()


def mark_done(future: asyncio.Future[None]) -> None:
    """Sets it done, unless it is: another was faster, or its waiter was cancelled."""
    if not future.done():
        future.set_result(None)
