"""One write a viewer for the events of one commit; what a socket does not take is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from tests.unit.live.scripted import ScriptedLog, ScriptedSink, turns
from tidewire.dialects import DIALECTS
from tidewire.live import topic
from tidewire.live.base import Sink
from tidewire.live.hub import Hub
from tidewire.live.sinks import DirectSink, chunk
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.wire.event import Event

NATIVE = DIALECTS["native"]


class Socket:
    """A DirectTransport whose socket takes ``room`` bytes more; None: it is broken."""

    opened: ClassVar[list[Socket]] = []

    def __init__(self) -> None:
        self.socket = len(Socket.opened)
        Socket.opened.append(self)
        self.room: int | None = 1 << 20
        self.taken = b""
        self.pending = b""
        self.sink: DirectSink | None = None

    def attach(self, sink: DirectSink) -> None:
        self.sink = sink

    def detach(self) -> None:
        self.sink = None

    def send(self, data: bytes) -> int:
        assert not self.pending, "it would overtake"
        if not self.room:
            return 0
        sent = data[: self.room]
        self.taken += sent
        self.room -= len(sent)
        return len(sent)

    def write(self, data: bytes) -> None:
        if not self.pending and self.room:
            data = data[self.send(data) :]
        self.pending += data
        if self.pending and self.sink is not None and not self.sink.is_paused:
            self.sink.pause()

    def drain(self) -> None:
        self.taken, self.pending, self.room = self.taken + self.pending, b"", 1 << 20
        if self.sink is not None:
            self.sink.resume()

    def pending_bytes(self) -> int:
        return len(self.pending)

    def keep(self) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


def send_to_all(sockets: Sequence[int], data: bytes) -> list[tuple[int, int]]:
    """As live/sockets.py, to the sockets of this test."""
    taken = [Socket.opened[socket].send(data) for socket in sockets]
    return [(place, size) for place, size in enumerate(taken) if size != len(data)]


@pytest.fixture(autouse=True)
def _sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic, "send_to_all", send_to_all)


@asynccontextmanager
async def watching(
    hub: Hub, log: ScriptedLog, *sinks: Sink, has_own_ids: bool = False
) -> AsyncIterator[None]:
    async def watch(sink: Sink) -> None:
        starts = Starts([(log.stream, Start(0))], is_changed=has_own_ids)
        async with Subscription(hub, starts, NATIVE, sink) as viewer:
            await viewer.run()

    tasks = [asyncio.create_task(watch(sink)) for sink in sinks]
    await turns()
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def said(log: ScriptedLog, *, by: int = 1) -> bytes:
    """All events, in commits of ``by``."""
    encoder = NATIVE.encoder()
    parts = (
        encoder.encode(log.epoch, first + 1, log.events[first : first + by])
        for first in range(0, len(log.events), by)
    )
    return b"".join(chunk(part) for part in parts)


async def test_the_events_of_one_commit_are_one_write_to_each_viewer() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    sinks = [ScriptedSink(chunked=True) for _ in range(20)]
    async with watching(hub, log, *sinks):
        log.commit([Event("message", "first")])
        log.deliver()
        before = [len(sink.writes) for sink in sinks]
        log.commit([Event("message", str(number)) for number in range(100)])
        log.deliver()
        assert [len(sink.writes) for sink in sinks] == [count + 1 for count in before]
        (whole,) = {id(sink.writes[-1]) for sink in sinks}  # one object for all
        assert sinks[0].writes[-1].count(b"data:") == 100


async def test_what_a_full_socket_does_not_take_comes_later_and_in_order() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    partial, full, quick = Socket(), Socket(), Socket()
    async with watching(hub, log, *(DirectSink(socket) for socket in (partial, full, quick))):
        for number in range(3):
            log.commit([Event("message", f"event {number}")])
            log.deliver()
        partial.room, full.room = 7, 0
        for number in range(3):
            log.commit([Event("message", f"more {number}")])
            log.deliver()
        assert hub.figures.slow == 2
        assert quick.taken.endswith(said(log))
        partial.drain()
        full.drain()
        await turns()
        for late in (partial, full):
            assert late.taken.count(b"data:") == 6
            assert late.taken.endswith(b"more 2\n\n\r\n")
            place = [late.taken.index(f"more {number}".encode()) for number in range(3)]
            assert place == sorted(place)


async def test_a_broken_socket_is_no_harm_to_others() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    broken, sound = Socket(), Socket()
    async with watching(hub, log, DirectSink(broken), DirectSink(sound)):
        log.commit([Event("message", "first")])
        log.deliver()
        broken.room = None
        log.commit([Event("message", "second")])
        log.deliver()
        assert sound.taken.endswith(said(log))


async def test_who_comes_or_goes_between_two_events_gets_its_own_and_no_more() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    early, late = Socket(), Socket()

    def publish() -> None:
        log.commit([Event("message", f"event {len(log.events)}")])
        log.deliver()

    async with watching(hub, log, DirectSink(early)):
        publish()
        publish()  # to all that are abreast at once
        async with watching(hub, log, DirectSink(late)):
            publish()
            assert late.taken.count(b"data:") == len(log.events)
        has = late.taken
        publish()
        assert early.taken.endswith(said(log))
        assert late.taken == has


async def test_every_event_and_byte_that_a_viewer_is_given_live_counts() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    together, apart = [ScriptedSink(), ScriptedSink()], ScriptedSink()
    async with watching(hub, log, *together), watching(hub, log, apart, has_own_ids=True):
        for count in (1, 3):
            log.commit([Event("message", "word")] * count)
            before = hub.figures.delivered_bytes
            log.deliver()
            written = [len(sink.writes[-1]) for sink in (*together, apart)]
            assert hub.figures.delivered_bytes - before == sum(written)
    figures = hub.figures
    assert (figures.commits, figures.events, figures.deliveries) == (2, 4, 4 * 3)


async def test_the_same_events_go_out_in_chunks_and_without() -> None:
    log = ScriptedLog()
    hub = Hub(log)
    plain, chunked = ScriptedSink(), ScriptedSink(chunked=True)
    async with watching(hub, log, plain, chunked):
        for word in ("first", "second"):  # alone, then with all that are abreast
            log.commit([Event("message", word)])
            log.deliver()
            assert chunked.writes[-1] == chunk(plain.writes[-1])
