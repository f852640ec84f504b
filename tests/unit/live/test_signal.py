"""Signals: what is told to the live audience and never stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.unit.live.scripted import ScriptedSink
from tidewire.dialects import find_dialect
from tidewire.live.hub import Hub
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.log.base import StreamInfo
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event

TYPING = Event("room.typing", '{"user":"ann"}')
AS_WRITTEN = b'event: room.typing\ndata: {"user":"ann"}\n\n'


@asynccontextmanager
async def watching(
    hub: Hub, streams: Sequence[StreamInfo], dialect: str = "native"
) -> AsyncIterator[ScriptedSink]:
    sink = ScriptedSink()
    starts = Starts([(stream, Start(stream.head)) for stream in streams])
    async with Subscription(hub, starts, find_dialect(dialect), sink) as viewer:
        task = asyncio.create_task(viewer.run())
        while not viewer.readings.is_live:
            await asyncio.sleep(0)
        yield sink
        viewer.end()
        await task


async def test_a_signal_has_no_id_and_moves_no_cursor() -> None:
    log = MemoryLog()
    hub = Hub(log)
    stream = await log.create("s")
    async with watching(hub, [stream]) as sink:
        await log.append("s", [Event("message", "1")])
        hub.signal("s", TYPING)
        await log.append("s", [Event("message", "2")])
    assert sink.writes[-3:] == [
        f"id: {stream.epoch}-1\nevent: message\ndata: 1\n\n".encode(),
        AS_WRITTEN,
        f"id: {stream.epoch}-2\nevent: message\ndata: 2\n\n".encode(),
    ]
    assert (await log.read("s")).events == [("message", "1"), ("message", "2")]


async def test_viewers_of_several_streams_hear_it() -> None:
    log = MemoryLog()
    hub = Hub(log)
    streams = [await log.create("a"), await log.create("b")]
    async with watching(hub, streams) as sink:
        hub.signal("b", TYPING)
    assert sink.writes[-1] == AS_WRITTEN


async def test_who_takes_nothing_now_misses_it() -> None:
    log = MemoryLog()
    hub = Hub(log)
    async with watching(hub, [await log.create("s")]) as sink:
        sink.pause()
        hub.signal("s", TYPING)
    assert AS_WRITTEN not in sink.writes


async def test_dialects_of_answers_know_no_signals() -> None:
    log = MemoryLog()
    hub = Hub(log)
    async with watching(hub, [await log.create("s")], "chunk") as sink:
        before = len(sink.writes)
        hub.signal("s", TYPING)
        assert len(sink.writes) == before


async def test_nobody_there_is_no_error() -> None:
    Hub(MemoryLog()).signal("s", TYPING)
