"""The readings of one viewer: which streams it reads, and where it stands in all of them.

Its cursor is the positions of all its streams, the one that has just moved first, so
whoever reads an id knows which stream the event came from. Never writes, never waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from tidewire.errors import BadRequest
from tidewire.live.control import Open, Reset
from tidewire.live.reading import Reading
from tidewire.live.start import Start, Starts
from tidewire.log.base import StreamInfo
from tidewire.wire.cursor import CHANGED, write_cursor

if TYPE_CHECKING:
    from tidewire.live.subscription import Subscription

__all__ = ["MAX_STREAMS", "Readings"]

MAX_STREAMS = 256


class Readings:
    """Those of ``viewer``, one for each of ``starts``, in their order."""

    __slots__ = ("_is_changed", "_readings", "last")

    def __init__(self, viewer: Subscription, starts: Starts) -> None:
        is_shared = len(starts.streams) == 1 and not starts.is_changed  # else its ids are its own
        self._readings = [
            Reading(viewer, stream, start, is_shared=is_shared) for stream, start in starts.streams
        ]
        self._is_changed = starts.is_changed
        self.last = next((r for r in self._readings if r.start.heard_last), None)
        """Whose turn it was last; one that floods does not starve the others."""

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._readings)

    def clear(self) -> None:
        self._readings.clear()
        self.last = None

    @property
    def is_live(self) -> bool:
        """True if everything stored so far has been given."""
        return all(reading.is_live or reading.is_done for reading in self._readings)

    @property
    def is_done(self) -> bool:
        """True if nothing more will come of any of the streams."""
        return all(reading.is_done for reading in self._readings)

    def behind(self) -> list[Reading]:
        """Those that have something to read in the log, in their turn."""
        in_turn = sorted(self._ring(self.last), key=lambda reading: reading is self.last)
        return [r for r in in_turn if not r.is_live and not r.is_done]

    def withdraw(self) -> None:
        """Takes all of them out of the live audience."""
        for reading in self._readings:
            if reading.is_live:
                reading.topic.withdraw(reading)

    # Where the viewer stands

    def cursor(self, first: Reading | None = None) -> str:
        """Its place in all streams, that of ``first`` or else of ``last`` at the front."""
        cursor = write_cursor([reading.position for reading in self._ring(first or self.last)])
        return cursor + CHANGED if self._is_changed else cursor

    def others(self, moving: Reading) -> str:
        """What follows the position of ``moving`` in the cursor of an event of it."""
        if moving.is_shared:
            return ""
        rest = [f".{reading.position}" for reading in self._ring(moving) if reading is not moving]
        return "".join(rest) + (CHANGED if self._is_changed else "")

    def _ring(self, first: Reading | None) -> list[Reading]:
        """All in their order, which goes around, from ``first`` on."""
        turn = self._readings.index(first) if first in self._readings else 0
        return self._readings[turn:] + self._readings[:turn]

    def places(self) -> list[Open.Place]:
        """Its place in each stream."""
        return [
            Open.Place(reading.label, str(reading.position), reading.start.resumed)
            for reading in self._readings
        ]

    def resets(self) -> list[Reset]:
        """Where reading could not begin as its cursor asked for."""
        return [
            Reset(reading.label, reading.start.reset, str(reading.position))
            for reading in self._readings
            if reading.start.reset is not None
        ]

    # Changing the set while the viewer is connected

    def change(
        self,
        viewer: Subscription,
        *,
        add: Sequence[tuple[StreamInfo, Start]],
        remove: Collection[str],
    ) -> tuple[list[Reading], list[Reading]]:
        """Gives those that left and those that came. Raises BadRequest, and changes nothing.

        As Subscription.change has it; what has ended leaves, too.
        """
        wanted = {stream.epoch: (stream, start) for stream, start in add}
        leaving = [
            reading
            for reading in self._readings
            if reading.is_done or (reading.label in remove and reading.stream.epoch not in wanted)
        ]
        staying = [reading for reading in self._readings if reading not in leaving]
        known = {reading.stream.epoch for reading in staying}
        coming = [
            Reading(viewer, stream, start, is_shared=False)
            for epoch, (stream, start) in wanted.items()
            if epoch not in known
        ]
        if not 0 < len(staying) + len(coming) <= MAX_STREAMS:
            raise BadRequest(f"A connection carries 1 to {MAX_STREAMS} streams.")
        self._unshare()
        for reading in leaving:
            reading.is_done = True
        self._readings = staying + coming
        return leaving, coming

    def _unshare(self) -> None:
        """From now on the viewer's ids are its own."""
        self._is_changed = True
        for reading in self._readings:
            if reading.is_shared:
                if reading.is_live:
                    reading.topic.withdraw(reading)
                reading.is_shared = False
