"""A topic: one stream's audience in this process.

Readings that have come as far as the stream goes are *live*. Those whose viewers read
nothing else are grouped by dialect: a commit is encoded once per dialect, and every sink
gets the same bytes object, in one write. The others – arriving, or part of a viewer of
several streams, whose ids are its own – are *single*: they take each commit by their own
offset. A reading that has just come is single until it is abreast; so history and live
meet without a gap and without a duplicate, whichever of the two is ahead.

Never waits, never reads the log.
"""

from __future__ import annotations

import copy
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tidewire.live.sinks import DirectSink, chunk
from tidewire.live.sockets import send_to_all
from tidewire.log.base import Commit
from tidewire.wire.event import Event

if TYPE_CHECKING:
    from tidewire.live.hub import Hub
    from tidewire.live.reading import Reading

__all__ = ["Group", "Topic"]

RECENT_BYTES = 256 * 1024
RECENT_COMMITS = 256


class Group:
    """Live readings of one dialect, all at one offset: its encoder has seen all up to there.

    To deliver is to give the same bytes to all sockets at once; no object of a viewer's is
    touched, because each one that is costs a good part of its delivery (bench/fanout).
    """

    __slots__ = (
        "_descriptors", "_sockets", "_writes", "dialect", "encoder", "is_chunked", "offset",
        "sent_at",
    )  # fmt: skip

    def __init__(self, reading: Reading, now: float) -> None:
        self.dialect = reading.dialect
        self.encoder = reading.encoder
        self.offset = reading.offset
        self.is_chunked = reading.viewer.sink.chunked
        self.sent_at = now  # a dialect may have nothing to say of what its stream says
        self._sockets: dict[Reading, int] = {}
        self._descriptors: array[int] | None = None
        """All of ``_sockets``, in their order; None until they are sent to."""
        self._writes: dict[Reading, Callable[[bytes], None]] = {}
        """Those whose sockets must not be sent to: how each is written to."""

    def __len__(self) -> int:
        return len(self._sockets) + len(self._writes)

    def add(self, reading: Reading) -> None:
        """Takes in a reading that is as far as the group; from here on they move as one."""
        reading.group = self
        reading.encoder = self.encoder
        sink = reading.viewer.sink
        socket = sink.socket if isinstance(sink, DirectSink) else None
        if socket is None:
            self._writes[reading] = sink.write
        else:
            self._sockets[reading] = socket
            self._descriptors = None

    def remove(self, reading: Reading) -> None:
        """Lets a reading go its own way, from where the group is."""
        if self._writes.pop(reading, None) is None:
            del self._sockets[reading]
            self._descriptors = None
        reading.group = None
        reading.offset = self.offset
        reading.encoder = copy.copy(self.encoder)

    def deliver(self, epoch: str, first: int, events: Sequence[Event]) -> int:
        """Encodes once and writes to everybody; gives the number of bytes for each."""
        data = self.encoder.encode(epoch, first, events)
        self.offset = first + len(events) - 1  # before writing: a sink may pause in its write
        self.send(data)
        return len(data)

    def send(self, data: bytes) -> None:
        """Writes one bytes object to everybody."""
        if not data:
            return
        if self.is_chunked:
            data = chunk(data)
        if self._descriptors is None:
            self._descriptors = array("i", self._sockets.values())
        if short := send_to_all(self._descriptors, data):
            self._write_rest(data, short)
        for write in tuple(self._writes.values()):
            write(data)

    def _write_rest(self, data: bytes, short: list[tuple[int, int]]) -> None:
        """What sockets did not take waits in their transports; those readings pause."""
        readings = tuple(self._sockets)
        for place, taken in short:
            readings[place].viewer.sink.write(data[taken:])


class Topic:
    """``head`` is the offset delivered last; None until the first commit is seen."""

    def __init__(self, hub: Hub, name: str, epoch: str, now: Callable[[], float]) -> None:
        self.hub = hub
        self.name = name
        self.epoch = epoch
        self.head: int | None = None
        self.is_closed = False
        self.is_deleted = False
        self.groups: dict[tuple[str, bool], Group] = {}
        self.singles: set[Reading] = set()
        self.members: set[Reading] = set()
        self.sent_at = now()
        self._now = now
        self._recent: deque[Commit] = deque()
        self._recent_bytes = 0

    def deliver(self, commit: Commit) -> int:
        """Hands a commit to the audience; gives the number of deliveries."""
        events = commit.events
        first, last = commit.first, commit.first + len(events) - 1
        if self.head is not None and first != self.head + 1:
            self.forget()
        deliveries = len(self.singles)
        now = self._now()
        for group in tuple(self.groups.values()):
            viewers = len(group)
            deliveries += viewers
            if size := group.deliver(self.epoch, first, events):
                group.sent_at = now
                self.hub.figures.delivered_bytes += viewers * size
        self.head = last
        self.is_closed = commit.closed
        if self.singles:
            self._deliver_singly(commit, last)
        if len(self.members) > deliveries:
            self._remember(commit)
        elif self._recent:
            self._forget_recent()
        self.sent_at = now
        if commit.closed:
            for reading in tuple(self.members):
                self._end_if_done(reading)
        return deliveries

    def _deliver_singly(self, commit: Commit, last: int) -> None:
        for reading in tuple(self.singles):
            reading.take(commit)
            if reading.offset < last:  # a commit before this one was not heard of
                self._send_back(reading)
            self._settle(reading)

    def admit(self, reading: Reading) -> bool:
        """Takes in a reading that has come up to its offset; False if that is not enough.

        What was delivered since it last read the log is taken from memory, if it is
        still there.
        """
        if self.is_deleted:
            return False
        if self.head is not None:
            for commit in self._recent:
                if reading.viewer.sink.is_paused:
                    break
                reading.take(commit)
            if reading.offset < self.head:
                return False
        if reading.viewer.sink.is_paused:
            return False
        reading.is_live = True
        self.singles.add(reading)
        self._settle(reading)
        self._end_if_done(reading)
        return True

    def covers(self, offset: int) -> bool:
        """True if a reading at ``offset`` can be admitted without reading the log."""
        if self.is_deleted or self.head is None or offset > self.head:
            return False
        return offset == self.head or (bool(self._recent) and self._recent[0].first <= offset + 1)

    def withdraw(self, reading: Reading) -> None:
        """Takes a reading out of the live audience; it keeps an encoder at its offset."""
        reading.is_live = False
        self.singles.discard(reading)
        group = reading.group
        if group is not None:
            group.remove(reading)
            if not len(group):
                del self.groups[_kind(reading)]

    def _send_back(self, reading: Reading) -> None:
        """To the log, to read on from there."""
        self.withdraw(reading)
        reading.viewer.resumed()

    def _settle(self, reading: Reading) -> None:
        """Moves a reading that is abreast, and at no place of its own, into its group."""
        if not reading.is_shared or reading.within or reading not in self.singles:
            return
        if reading.offset != self.head:
            return
        self.singles.discard(reading)
        kind = _kind(reading)
        if kind not in self.groups:
            self.groups[kind] = Group(reading, self._now())
        self.groups[kind].add(reading)

    def forget(self) -> None:
        """Has every member read on from the log: a commit was not heard of here."""
        self._forget_recent()
        for reading in tuple(self.members):
            self._send_back(reading)

    def end(self) -> None:
        """The stream was deleted: its readers find that out in the log, and tell."""
        self.is_deleted = True
        self.forget()

    def beat(self, due: float) -> None:
        """A heartbeat to all who have been told nothing since ``due``."""
        now = self._now()
        for group in tuple(self.groups.values()):
            if group.sent_at <= due:
                group.sent_at = now
                group.send(group.dialect.heartbeat)
        if self.sent_at <= due:
            viewers = [reading.viewer for reading in self.singles]
            for viewer in viewers:
                viewer.beat()
            self.sent_at = min((viewer.sent_at for viewer in viewers), default=now)

    def signal(self, event: Event) -> None:
        """Writes an event that is not stored to who is live. It has no id: places stay."""
        for group in tuple(self.groups.values()):
            group.send(group.dialect.signal(*event))
        for reading in tuple(self.singles):
            reading.viewer.write(reading.dialect.signal(*event))

    def _end_if_done(self, reading: Reading) -> None:
        if self.is_closed and reading.offset == self.head:
            reading.end()

    def _remember(self, commit: Commit) -> None:
        """Keeps a commit for members that are reading the log; without any, nothing is kept."""
        self._recent.append(commit)
        self._recent_bytes += _size(commit)
        while self._recent_bytes > RECENT_BYTES or len(self._recent) > RECENT_COMMITS:
            self._recent_bytes -= _size(self._recent.popleft())

    def _forget_recent(self) -> None:
        self._recent.clear()
        self._recent_bytes = 0


def _kind(reading: Reading) -> tuple[str, bool]:
    """Whom the same bytes fit."""
    return reading.dialect.name, reading.viewer.sink.chunked


def _size(commit: Commit) -> int:
    return sum(len(event.data) for event in commit.events)
