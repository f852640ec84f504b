"""Many channels, many viewers, every order of things: nothing is lost or doubled in silence.

A machine publishes, trims and deletes; viewers come with any set of channels and any id
that they were ever given, change their set, fill up, read on and leave; commits are
heard of late and reads come back late. Each viewer's reader (reader.py) checks every
word it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.live.held import HeldLog
from tests.unit.live.reader import Published, Reader
from tests.unit.live.scripted import ScriptedSink, turns
from tidewire.dialects import find_dialect
from tidewire.errors import BadRequest, StreamGone
from tidewire.live.channels import ChannelRule, Channels, channel_stream
from tidewire.live.hub import Hub
from tidewire.live.start import find_start
from tidewire.live.subscription import Subscription
from tidewire.server.resume import find_channels
from tidewire.wire.cursor import read_cursor
from tidewire.wire.event import Event

NAMES = "abcd"
ROOM = 600
TRIMMED = ChannelRule("a", max_events=4)
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)


class _Viewer:
    """One person on one connection at a time."""

    def __init__(self, published: Published, names: list[str], slow: bool) -> None:
        self.names = names
        self.slow = slow
        self.reader = Reader(published)
        self.task: asyncio.Task[None] | None = None
        self._read = 0

    async def connect(self, hub: Hub, channels: Channels, cursor: str | None) -> None:
        self.sink = ScriptedSink(room=ROOM if self.slow else None)
        self._read = 0
        try:
            starts = await find_channels(hub.log, channels, self.names, cursor=cursor, since="now")
        except StreamGone:  # all channels of a changed set are gone: it begins anew
            self.reader = Reader(self.reader.published)
            starts = await find_channels(hub.log, channels, self.names, cursor=None, since="now")
        self.subscription = Subscription(
            hub,
            starts,
            find_dialect("native"),
            self.sink,
            announce=True,
        )
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self.subscription as subscription:
            await subscription.run()

    def check(self) -> None:
        writes, self._read = self.sink.writes[self._read :], len(self.sink.writes)
        for data in writes:
            self.reader.read(data)

    @property
    def is_over(self) -> bool:
        return self.task is None or self.task.done()


class ManyChannels(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.log = HeldLog()
        self.now = 0.0
        self.hub = Hub(self.log, now=lambda: self.now)
        self.log.hold_news()
        self.channels = Channels(self.log, self.hub, [TRIMMED])
        self.published = Published()
        self.viewers: list[_Viewer] = []
        self.number = 0

    # The channels

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 8))
    def publish(self, name: str, count: int) -> None:
        events = [str(self.number + n) for n in range(count)]
        self.number += count

        async def publish() -> None:
            cursor = await self.channels.publish(name, [Event("message", e) for e in events])
            (place,) = read_cursor(cursor)
            await self.note(name)
            self.published.events[place.epoch] += events
            assert place.offset == len(self.published.events[place.epoch])

        self.play(publish)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        async def delete() -> None:
            stream = self.log._streams.get(channel_stream(name))
            if stream is not None:
                await self.note(name)
                self.published.deleted.add(stream.epoch)
            await self.channels.delete(name)

        self.play(delete)

    async def note(self, name: str) -> None:
        epoch = (await self.channels.info(name)).epoch
        self.published.names[epoch] = name
        self.published.events.setdefault(epoch, [])

    @precondition(lambda self: self.log.untold)
    @rule()
    def hear(self) -> None:
        self.play(self.log.deliver)

    @precondition(lambda self: self.log.held)
    @rule(steps=st.integers(1, 4))
    def read(self, steps: int) -> None:
        for _ in range(steps):
            if self.log.held:
                self.play(self.log.step)

    # The viewers

    @precondition(lambda self: len(self.viewers) < 4)
    @rule(names=SOME, slow=st.booleans())
    def come(self, names: list[str], slow: bool) -> None:
        self.viewers.append(viewer := _Viewer(self.published, names, slow))
        self.play(lambda: self.connect(viewer, None))

    @precondition(lambda self: self.viewers)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """From any id that it was ever given, to these channels or to others."""
        viewer = data.draw(st.sampled_from(self.viewers))
        self.leave(viewer)
        if data.draw(st.booleans()):
            viewer.names = data.draw(SOME)
        if not viewer.reader.history:
            viewer.reader = Reader(self.published)
            self.play(lambda: self.connect(viewer, None))
            return
        recent = viewer.reader.history[-6:]
        cursor, places = data.draw(st.sampled_from(recent))
        viewer.reader = Reader(self.published, places)
        viewer.reader.cursor = cursor
        viewer.reader.history = [(cursor, places)]
        self.play(lambda: self.connect(viewer, cursor))

    @precondition(lambda self: self.viewers)
    @rule(data=st.data(), add=st.lists(st.sampled_from(NAMES), max_size=3), remove=SOME)
    def change(self, data: st.DataObject, add: list[str], remove: list[str]) -> None:
        viewer = data.draw(st.sampled_from(self.viewers))

        async def change() -> None:
            streams = [await self.channels.open(name) for name in add]
            for name in add:
                await self.note(name)
            more = [(stream, find_start(stream, since="now")) for stream in streams]
            try:
                viewer.subscription.change(add=more, remove=set(remove))
            except BadRequest:
                pass  # nothing would be left

        if not viewer.is_over and viewer.reader.connection:
            self.play(change)

    @precondition(lambda self: self.viewers)
    @rule(data=st.data())
    def pause_or_resume(self, data: st.DataObject) -> None:
        viewer = data.draw(st.sampled_from(self.viewers))
        if viewer.sink.is_paused:
            self.play(lambda: viewer.sink.resume(room=ROOM if viewer.slow else None))
        elif not viewer.is_over:
            self.play(viewer.sink.pause)

    @rule()
    def silence(self) -> None:
        self.now += 20.0
        self.play(self.hub.beat_once)

    async def connect(self, viewer: _Viewer, cursor: str | None) -> None:
        await viewer.connect(self.hub, self.channels, cursor)
        for reading in viewer.subscription.readings:
            epoch, name = reading.stream.epoch, reading.label
            self.published.names[epoch] = name
            self.published.events.setdefault(epoch, [])

    def leave(self, viewer: _Viewer) -> None:
        self.play(viewer.sink.leave)
        viewer.check()
        # One that waits for the log finds out when it answers.
        while not viewer.is_over:
            self.play(self.log.step)

    # What must hold

    @invariant()
    def nobody_is_told_anything_wrong(self) -> None:
        for viewer in self.viewers:
            viewer.check()

    def teardown(self) -> None:
        """When all is heard of and everybody reads, everybody has everything."""
        try:
            self._finish()
            for viewer in self.viewers:
                viewer.check()
                assert not viewer.reader.lacks()
                assert not viewer.reader.owed
                for epoch in viewer.reader.places:
                    assert (epoch in self.published.deleted) == (epoch in viewer.reader.gone)
        finally:
            self.runner.close()
        assert not self.hub.viewers and not self.hub.streams

    def _finish(self) -> None:
        self.log.holds_reads = False
        for viewer in self.viewers:
            self.play(viewer.sink.resume)
        while self.log.untold or self.log.held:
            if self.log.untold:
                self.play(self.log.deliver)
            if self.log.held:
                self.play(self.log.step)
        self.play(lambda: None, count=200)

    def play(self, happen: Callable[[], Coroutine[Any, Any, None] | None], count: int = 20) -> None:
        """Something happens, and everything that follows from it."""

        async def step() -> None:
            if (going_on := happen()) is not None:
                await going_on
            await turns(count)

        self.runner.run(step())


TestManyChannels = ManyChannels.TestCase
TestManyChannels.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
