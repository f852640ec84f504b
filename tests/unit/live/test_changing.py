"""A viewer who takes in another stream: from then on its ids are of both."""

from __future__ import annotations

from tests.unit.live.scripted import ScriptedSink
from tidewire.dialects import find_dialect
from tidewire.live.hub import Hub
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.log.memory import MemoryLog
from tidewire.wire.cursor import CHANGED
from tidewire.wire.event import Event


async def test_who_shared_the_ids_of_one_stream_shares_them_no_more() -> None:
    log, sink, native = MemoryLog(), ScriptedSink(), find_dialect("native")
    a, b = await log.create("a"), await log.create("b")
    starts = Starts([(a, Start())])
    async with Subscription(Hub(log), starts, native, sink, announce=True) as viewer:
        await viewer.catch_up()
        await log.append("a", [Event("message", "abreast")])
        viewer.change(add=[(b, Start())])
        await viewer.keep_up()
        await log.append("a", [Event("message", "news")])
    both = f"id: {a.epoch}-2.{b.epoch}-0{CHANGED}\n"
    assert sink.writes[-1].decode() == both + "event: message\ndata: news\n\n"
