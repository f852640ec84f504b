"""The hub: takes every commit from the log and hands it to who is listening.

Owns the topics (one per stream that somebody watches here) and the one clock of the
heartbeat. It never stores anything and never delivers what is not in the log.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tidewire.live.topic import Topic
from tidewire.log.base import Commit, Log
from tidewire.wire.event import Event

if TYPE_CHECKING:
    from tidewire.live.base import Visit
    from tidewire.live.reading import Reading
    from tidewire.live.subscription import Subscription

__all__ = ["Figures", "Hub"]

DISMISSED_AT_ONCE = 50

logger = logging.getLogger("tidewire.live")

_NONE: dict[str, Topic] = {}


class Figures:
    """Counters since the start, for /metrics: plain integers, cheap to raise."""

    __slots__ = ("commits", "delivered_bytes", "deliveries", "events", "slow")

    def __init__(self) -> None:
        self.commits = 0
        self.events = 0
        self.deliveries = 0
        self.delivered_bytes = 0
        self.slow = 0


class Hub:
    """One hub per log.

    ``on_empty`` hears the name of a stream whose last reader left, ``on_closed`` of one that
    any process has closed or deleted. ``lifetime_seconds``:
    a connection is ended after about so long, to be made anew; the moment is drawn
    between 80 and 100 % of it, so that those who came together do not return together.
    """

    def __init__(
        self,
        log: Log,
        *,
        heartbeat_seconds: float = 15.0,
        lifetime_seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log = log
        self.now = now
        self.heartbeat_seconds = heartbeat_seconds
        self.figures = Figures()
        self.viewers: dict[str, Subscription] = {}
        """All that are connected here, by the id of their connection."""
        self.on_empty: Callable[[str], None] | None = None
        self.on_closed: Callable[[str], None] | None = None
        self._lifetime_seconds = lifetime_seconds
        self._topics: dict[str, dict[str, Topic]] = {}
        """By name and epoch: readers of a stream that was deleted may not know it yet."""
        log.listener = self.deliver

    def enter(self, viewer: Subscription) -> None:
        """Counts a viewer in."""
        viewer.id = secrets.token_hex(8)
        viewer.started_at = viewer.sent_at = self.now()
        if self._lifetime_seconds is not None:
            viewer.ends_at = self.now() + self._lifetime_seconds * random.uniform(0.8, 1.0)
        self.viewers[viewer.id] = viewer
        for reading in viewer.readings:
            self.enter_reading(reading)

    def leave(self, viewer: Subscription) -> None:
        """Takes a viewer out, whatever state it is in."""
        del self.viewers[viewer.id]
        for reading in viewer.readings:
            self.leave_reading(reading)

    def enter_reading(self, reading: Reading) -> None:
        stream = reading.stream
        incarnations = self._topics.setdefault(stream.name, {})
        topic = incarnations.get(stream.epoch)
        if topic is None:
            topic = Topic(self, stream.name, stream.epoch, self.now)
            incarnations[stream.epoch] = topic
        reading.topic = topic
        topic.members.add(reading)
        if (visit := _visit_of(reading)) is not None:
            visit.begin()

    def leave_reading(self, reading: Reading) -> None:
        topic = reading.topic
        topic.withdraw(reading)
        topic.members.discard(reading)
        if not topic.members:
            self._remove(topic)
            if self.on_empty is not None:
                self.on_empty(topic.name)
        if (visit := _visit_of(reading)) is not None:
            visit.end()

    def _remove(self, topic: Topic) -> None:
        incarnations = self._topics[topic.name]
        del incarnations[topic.epoch]
        if not incarnations:
            del self._topics[topic.name]

    @property
    def streams(self) -> int:
        """How many streams are watched here."""
        return len(self._topics)

    def audience(self, stream: str) -> int:
        """How many viewers a stream has in this process."""
        return sum(len(topic.members) for topic in self._topics.get(stream, _NONE).values())

    def deliver(self, commits: Sequence[Commit]) -> None:
        """The log's listener: runs on the loop after every commit."""
        figures = self.figures
        figures.commits += 1
        for commit in commits:
            figures.events += len(commit.events)
            if commit.closed and self.on_closed is not None:
                self.on_closed(commit.stream)
            topic = self._topics.get(commit.stream, _NONE).get(commit.epoch)
            if topic is None:
                continue
            if commit.deleted:
                topic.end()
            else:
                figures.deliveries += self._hand_out(topic, commit) * len(commit.events)

    def signal(self, stream: str, event: Event) -> None:
        """Tells who watches a stream now and here of something that is not worth storing.

        The one thing that reaches viewers without being in the log: it has no id, is in
        no history, moves no cursor, and viewers of other processes do not hear of it.
        """
        for topic in self._topics.get(stream, _NONE).values():
            topic.signal(event)

    async def beat(self) -> None:
        """Sends heartbeats for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(min(1.0, self.heartbeat_seconds / 3))
            self.beat_once()

    def beat_once(self) -> None:
        """A heartbeat for everybody to whom nothing was said for long enough."""
        due = self.now() - self.heartbeat_seconds
        for incarnations in tuple(self._topics.values()):
            for topic in tuple(incarnations.values()):
                topic.beat(due)
        if self._lifetime_seconds is not None:
            self._rotate()

    def _rotate(self) -> None:
        """Ends connections that have lived long enough; they come back at once."""
        now = self.now()
        for viewer in tuple(self.viewers.values()):
            if viewer.ends_at <= now:
                viewer.dismiss(random.randrange(1, 1000))

    async def drain(self, seconds: float, *, retry_milliseconds: int = 1000) -> None:
        """Sends all viewers away, spread over ``seconds`` so that they do not return at once.

        None is to return before the last has gone: until then this server refuses, and a
        browser's EventSource that is refused gives up for ever.
        """
        viewers = list(self.viewers.values())
        random.shuffle(viewers)
        size = DISMISSED_AT_ONCE
        groups = [viewers[first : first + size] for first in range(0, len(viewers), size)]
        pause_seconds = seconds / max(1, len(groups))
        while groups:
            leaving = groups.pop()
            earliest = retry_milliseconds + math.ceil(1000 * pause_seconds * len(groups))
            for viewer in leaving:
                viewer.dismiss(earliest + random.randrange(retry_milliseconds))
            if groups:
                await asyncio.sleep(pause_seconds)

    def _hand_out(self, topic: Topic, commit: Commit) -> int:
        """Whatever is wrong with one stream, the commits of others are handed out."""
        try:
            return topic.deliver(commit)
        except Exception:
            logger.exception("A commit to %s was not handed out; viewers read on", topic.name)
            topic.head = commit.first + len(commit.events) - 1
            topic.forget()
            return 0


def _visit_of(reading: Reading) -> Visit | None:
    """Who wants to know of this reading, of all that its viewer has."""
    visit = reading.viewer.visit
    return visit if visit is not None and visit.stream == reading.stream.name else None
