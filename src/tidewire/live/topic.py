"""A topic: one stream's audience in this process.

Viewers who have read as far as the stream goes are *live*: grouped by dialect, each
commit is encoded once per dialect and every sink gets the same bytes object. Viewers
who have read up to somewhere near the end are *arriving*: they take commits one by
one, each by its own offset, until they are abreast and join their group. So history
and live meet without a gap and without a duplicate, whichever of the two is ahead.

Never waits, never reads the log.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tidewire.live.base import Encoder
from tidewire.log.base import Commit
from tidewire.wire.event import Event

if TYPE_CHECKING:
    from tidewire.live.subscription import Subscription

__all__ = ["Group", "Topic", "chunk"]

RECENT_BYTES = 256 * 1024
RECENT_COMMITS = 256


def chunk(data: bytes) -> bytes:
    """``data`` framed as one HTTP/1.1 chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Group:
    """The live viewers of one dialect. Its encoder has seen all that was delivered."""

    __slots__ = ("encoder", "viewers")

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.viewers: set[Subscription] = set()

    def deliver(self, epoch: str, first: int, events: Sequence[Event]) -> None:
        self.send(self.encoder.encode(epoch, first, events), first + len(events) - 1)

    def send(self, data: bytes, offset: int) -> None:
        """Writes one bytes object to everybody; they have then been given ``offset``."""
        framed = chunk(data) if data else b""
        for viewer in tuple(self.viewers):
            viewer.offset = offset  # first: a sink may pause in its write
            if data:
                viewer.sink.write(framed if viewer.sink.chunked else data)


class Topic:
    """``head`` is the offset delivered last; None until the first commit is seen."""

    def __init__(self, name: str, epoch: str, now: Callable[[], float]) -> None:
        self.name = name
        self.epoch = epoch
        self.head: int | None = None
        self.closed = False
        self.groups: dict[str, Group] = {}
        self.arriving: set[Subscription] = set()
        self.members: set[Subscription] = set()
        self.sent_at = now()
        self._now = now
        self._recent: deque[Commit] = deque()
        self._recent_bytes = 0

    def deliver(self, commit: Commit) -> int:
        """Hands a commit to the audience; gives the number of deliveries."""
        if self.head is not None and commit.first != self.head + 1:
            self.forget()
        last = commit.first + len(commit.events) - 1
        deliveries = len(self.arriving)
        for group in tuple(self.groups.values()):
            deliveries += len(group.viewers)
            group.deliver(self.epoch, commit.first, commit.events)
        self.head = last
        self.closed = commit.closed
        for viewer in tuple(self.arriving):
            viewer.take(commit)
            self._settle(viewer)
        self._remember(commit, needed=len(self.members) > deliveries)
        self.sent_at = self._now()
        if self.closed:
            for viewer in tuple(self.members):
                self._end_if_done(viewer)
        return deliveries

    def admit(self, viewer: Subscription) -> bool:
        """Takes in a viewer that has read up to its offset; False if that is not enough.

        What was delivered since its last read is taken from memory, if it is still there.
        """
        if self.head is not None:
            for commit in self._recent:
                if viewer.sink.is_paused:
                    break
                viewer.take(commit)
            if viewer.offset < self.head:
                return False
        if viewer.sink.is_paused:
            return False
        self.arriving.add(viewer)
        self._settle(viewer)
        self._end_if_done(viewer)
        return True

    def covers(self, offset: int) -> bool:
        """True if a viewer at ``offset`` can be admitted without reading the log."""
        if self.head is None or offset > self.head:
            return False
        return offset == self.head or (bool(self._recent) and self._recent[0].first <= offset + 1)

    def withdraw(self, viewer: Subscription) -> None:
        """Takes a viewer out of the live audience; it keeps an encoder at its offset."""
        self.arriving.discard(viewer)
        group = self.groups.get(viewer.dialect.name)
        if group is not None and viewer in group.viewers:
            group.viewers.discard(viewer)
            viewer.encoder = copy.copy(group.encoder)
            if not group.viewers:
                del self.groups[viewer.dialect.name]

    def forget(self) -> None:
        """Has every member read on from the log: a commit was not heard of here."""
        self._recent.clear()
        self._recent_bytes = 0
        for viewer in tuple(self.members):
            self.withdraw(viewer)
            viewer.read_again()

    def beat(self) -> None:
        """A heartbeat to all who are listening now."""
        self.sent_at = self._now()
        for group in tuple(self.groups.values()):
            viewer = next(iter(group.viewers))
            group.send(viewer.dialect.heartbeat, viewer.offset)
        for viewer in tuple(self.arriving):
            viewer.write(viewer.dialect.heartbeat)

    def _settle(self, viewer: Subscription) -> None:
        """Moves an arriving viewer that is abreast, at no place of its own, into its group."""
        if viewer.offset != self.head or viewer.within or viewer not in self.arriving:
            return
        self.arriving.discard(viewer)
        group = self.groups.get(viewer.dialect.name)
        if group is None:
            group = self.groups[viewer.dialect.name] = Group(viewer.encoder)
        group.viewers.add(viewer)

    def _end_if_done(self, viewer: Subscription) -> None:
        if self.closed and viewer.offset == self.head:
            viewer.end()

    def _remember(self, commit: Commit, *, needed: bool) -> None:
        """Keeps a commit for members that are reading the log; without any, forgets all."""
        if not needed:
            self._recent.clear()
            self._recent_bytes = 0
            return
        self._recent.append(commit)
        self._recent_bytes += _size(commit)
        while self._recent_bytes > RECENT_BYTES or len(self._recent) > RECENT_COMMITS:
            self._recent_bytes -= _size(self._recent.popleft())


def _size(commit: Commit) -> int:
    return sum(len(event.data) for event in commit.events)
