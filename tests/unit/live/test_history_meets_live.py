"""History and live meet without a gap and without a duplicate, in every order of things.

A machine plays the log, the hub and viewers against each other: commits that are stored
but not heard of yet, reads that come back late, sinks that fill and empty, viewers that
come anywhere and leave at any time. What each viewer was sent must always be the
encoding of just the events after its start.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.live.scripted import ScriptedLog, ScriptedSink, turns
from tidewire.answers.events import RunFinished, RunStarted, TextDelta, encode
from tidewire.dialects import DIALECTS
from tidewire.live.hub import Hub
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.wire.event import Event

FIRST = Event(RunStarted.type, encode(RunStarted("run_1")))
LAST = Event(RunFinished.type, encode(RunFinished()))
ROOM = 400


def _delta(text: str) -> Event:
    return Event(TextDelta.type, encode(TextDelta("t1", text)))


class _Reading:
    """One viewer, its task, and what it may have been sent."""

    def __init__(self, hub: Hub, log: ScriptedLog, dialect: str, start: Start, slow: bool) -> None:
        self.dialect = DIALECTS[dialect]
        self.start = start
        self.sink = ScriptedSink(room=ROOM if slow else None)
        self.slow = slow
        self.subscription = Subscription(
            hub, Starts([(log.stream, start)]), self.dialect, self.sink
        )
        self.task = asyncio.get_running_loop().create_task(_read(self.subscription))

    @property
    def sent(self) -> bytes:
        beats = self.dialect.heartbeat
        return b"".join(data for data in self.sink.writes if data != beats)

    def expected(self, log: ScriptedLog) -> bytes:
        """Everything, as one encoder writes it that has seen the stream from its start."""
        encoder = copy.copy(self.dialect.encoder())
        offset = self.start.offset
        if self.dialect.stateful:
            encoder.encode(log.epoch, 1, log.events[:offset])
        rest = log.events[offset:]
        if not rest:
            return self.dialect.opening(None)
        said = encoder.encode(log.epoch, offset + 1, rest, within=self.start.within)
        return self.dialect.opening(None) + said


async def _read(subscription: Subscription) -> None:
    async with subscription:
        await subscription.run()


class HistoryMeetsLive(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.log = ScriptedLog()
        self.log.holds_reads = True
        self.now = 0.0
        self.hub = Hub(self.log, now=lambda: self.now)
        self.log.commit([FIRST])
        self.readings: list[_Reading] = []

    # The log

    @precondition(lambda self: not self.log.closed)
    @rule(texts=st.lists(st.text("ab潮\n🌊", min_size=1, max_size=4), min_size=1, max_size=3))
    def commit(self, texts: list[str]) -> None:
        self.log.commit([_delta(text) for text in texts])

    @precondition(lambda self: not self.log.closed and len(self.log.events) > 4)
    @rule()
    def close(self) -> None:
        self.log.commit([_delta("end"), LAST], close=True)

    @precondition(lambda self: self.log.untold)
    @rule()
    def deliver(self) -> None:
        self.play(self.log.deliver)

    @precondition(lambda self: self.log.untold > 1)
    @rule()
    def miss(self) -> None:
        """The hub never hears of a commit; the next one shows that it was there."""
        self.log.miss()

    @precondition(lambda self: self.log.reads)
    @rule()
    def serve_a_read(self) -> None:
        self.play(self.log.serve)

    @precondition(lambda self: self.log.served)
    @rule()
    def release_a_read(self) -> None:
        self.play(self.log.release)

    # The viewers

    @precondition(lambda self: len(self.readings) < 6)
    @rule(
        dialect=st.sampled_from(["native", "typewriter", "d"]),
        place=st.floats(0, 1),
        within=st.integers(0, 3),
        slow=st.booleans(),
    )
    def come(self, dialect: str, place: float, within: int, slow: bool) -> None:
        offset = round(place * len(self.log.events))
        following = self.log.events[offset : offset + 1]
        if not following or following[0].type != TextDelta.type:
            within = 0
        start = Start(offset, within=within)
        self.play(lambda: self.readings.append(_Reading(self.hub, self.log, dialect, start, slow)))

    @precondition(lambda self: self.readings)
    @rule(data=st.data())
    def pause_or_resume(self, data: st.DataObject) -> None:
        sink = data.draw(st.sampled_from(self.readings)).sink
        self.play(sink.resume if sink.is_paused else sink.pause)

    @precondition(lambda self: len(self.readings) > 3)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        reading = data.draw(st.sampled_from(self.readings))
        self.readings.remove(reading)
        self.play(reading.sink.leave)
        self.check(reading)

    @rule()
    def silence(self) -> None:
        self.now += 20.0
        self.play(self.hub.beat_once)

    # What must hold

    @invariant()
    def everybody_was_sent_what_follows_their_start(self) -> None:
        for reading in self.readings:
            self.check(reading)

    def check(self, reading: _Reading) -> None:
        assert reading.expected(self.log).startswith(reading.sent)

    def teardown(self) -> None:
        """When all is delivered and everybody reads, everybody has everything."""
        try:
            self._finish()
            for reading in self.readings:
                assert reading.sent == reading.expected(self.log)
                assert reading.subscription.is_over == reading.task.done() == self.log.closed
        finally:
            self.runner.close()  # cancels who still reads
        assert not self.hub.viewers

    def _finish(self) -> None:
        self.log.holds_reads = False
        while self.log.untold:
            self.play(self.log.deliver)
        while self.log.reads:
            self.play(self.log.serve)
        while self.log.served:
            self.play(self.log.release)
        for reading in self.readings:
            self.play(reading.sink.resume)

    def play(self, happen: Callable[[], object]) -> None:
        """Something happens, and everything that follows from it."""

        async def step() -> None:
            happen()
            await turns()

        self.runner.run(step())


TestHistoryMeetsLive = HistoryMeetsLive.TestCase
TestHistoryMeetsLive.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
