"""Streams that flood do not starve others, however little their reader takes at a time."""

from __future__ import annotations

from tests.unit.live.scripted import ScriptedSink
from tidewire.dialects import find_dialect
from tidewire.live.hub import Hub
from tidewire.live.reading import READ_LIMIT
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event


async def test_whoever_takes_one_batch_at_a_time_hears_of_all_in_turn() -> None:
    log = MemoryLog()
    names = ("a", "b", "c")
    streams = [(await log.create(name), Start()) for name in names]
    for name in names:
        await log.append(name, [Event("message", name)] * (3 * READ_LIMIT))
    sink = ScriptedSink(room=0)  # full after every write
    async with Subscription(Hub(log), Starts(streams), find_dialect("native"), sink) as viewer:
        await viewer.catch_up()
        heard = []
        for _ in range(6):
            sink.resume(room=0)
            await viewer.keep_up()
            heard.append(sink.writes[-1][-3:-2].decode())
    assert "".join(heard) == "abcabc"
