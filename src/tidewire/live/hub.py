"""The hub: takes every commit from the log and hands it to who is listening.

Owns the topics (one per stream that somebody watches here) and the one clock of the
heartbeat. It never stores anything and never delivers what is not in the log.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

from tidewire.live.base import Dialect, Sink
from tidewire.live.start import Start
from tidewire.live.subscription import Subscription
from tidewire.live.topic import Topic
from tidewire.log.base import Commit, Log, StreamInfo

__all__ = ["Figures", "Hub"]

logger = logging.getLogger("tidewire.live")


class Figures:
    """Counters since the start, for /metrics: plain integers, cheap to raise."""

    __slots__ = ("commits", "deliveries", "events", "slow", "viewers")

    def __init__(self) -> None:
        self.viewers = 0
        self.commits = 0
        self.events = 0
        self.deliveries = 0
        self.slow = 0


class Hub:
    """One hub per log. ``on_empty`` hears the name of a stream whose last viewer left."""

    def __init__(
        self,
        log: Log,
        *,
        heartbeat_seconds: float = 15.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log = log
        self.figures = Figures()
        self.on_empty: Callable[[str], None] | None = None
        self._heartbeat_seconds = heartbeat_seconds
        self._now = now
        self._topics: dict[str, Topic] = {}
        log.listener = self.deliver

    def subscribe(
        self, stream: StreamInfo, dialect: Dialect, start: Start, sink: Sink
    ) -> Subscription:
        """A subscription to ``stream`` into ``sink``; the caller enters and runs it."""
        return Subscription(self, stream, dialect, start, sink)

    def enter(self, subscription: Subscription) -> Topic:
        """Counts a viewer in; gives the topic of its stream."""
        stream = subscription.stream
        topic = self._topics.get(stream.name)
        if topic is not None and topic.epoch != stream.epoch:  # deleted and made anew
            self._end(topic)
            topic = None
        if topic is None:
            topic = self._topics[stream.name] = Topic(stream.name, stream.epoch, self._now)
        topic.members.add(subscription)
        self.figures.viewers += 1
        return topic

    def leave(self, topic: Topic, subscription: Subscription) -> None:
        """Takes a subscription out, whatever state it is in."""
        topic.withdraw(subscription)
        topic.members.discard(subscription)
        self.figures.viewers -= 1
        if not topic.members and self._topics.get(topic.name) is topic:
            del self._topics[topic.name]
            if self.on_empty is not None:
                self.on_empty(topic.name)

    def audience(self, stream: str) -> int:
        """How many viewers a stream has in this process."""
        topic = self._topics.get(stream)
        return len(topic.members) if topic is not None else 0

    def deliver(self, commits: Sequence[Commit]) -> None:
        """The log's listener: runs on the loop after every commit."""
        figures = self.figures
        figures.commits += 1
        for commit in commits:
            figures.events += len(commit.events)
            topic = self._topics.get(commit.stream)
            if topic is not None:
                figures.deliveries += self._hand_out(topic, commit)

    def refresh(self, stream: str) -> None:
        """Has the viewers of a stream read on from the log: another process has closed it."""
        topic = self._topics.get(stream)
        if topic is not None and not topic.closed:
            topic.forget()

    async def beat(self) -> None:
        """Sends heartbeats for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(min(1.0, self._heartbeat_seconds / 3))
            self.beat_once()

    def beat_once(self) -> None:
        """A heartbeat for every topic that has been silent for long enough."""
        due = self._now() - self._heartbeat_seconds
        for topic in tuple(self._topics.values()):
            if topic.sent_at <= due:
                topic.beat()

    async def drain(self, seconds: float, *, retry_milliseconds: int = 1000) -> None:
        """Sends all viewers away, spread over ``seconds`` so that they do not return at once."""
        members = [viewer for topic in self._topics.values() for viewer in topic.members]
        random.shuffle(members)
        for index, viewer in enumerate(members):
            viewer.dismiss(retry_milliseconds + random.randrange(retry_milliseconds))
            if index % 50 == 49:
                await asyncio.sleep(seconds * 50 / len(members))

    def _hand_out(self, topic: Topic, commit: Commit) -> int:
        """Whatever is wrong with one stream, the commits of others are handed out."""
        try:
            return topic.deliver(commit)
        except Exception:
            logger.exception("A commit to %s was not handed out; viewers read on", topic.name)
            topic.forget()
            return 0

    def _end(self, topic: Topic) -> None:
        for viewer in tuple(topic.members):
            viewer.end()
