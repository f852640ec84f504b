"""The head of an answer is held back until its run begins, and no longer than it must be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.runs.jumping_time import in_no_time
from tidewire.dialects import find_dialect
from tidewire.live.start import Start, Starts
from tidewire.runs.runs import Started
from tidewire.server.poll import PollSink
from tidewire.server.respond import HOLD_SECONDS, StreamResponse
from tidewire.server.tide import Tidewire


async def _late(seconds: float) -> AsyncIterator[str]:
    await asyncio.sleep(seconds)
    yield "late"


async def _hold(tide: Tidewire, started: Started) -> None:
    """What a response does before it sends its head."""
    response = StreamResponse(
        tide.hub, Starts([(started.stream, Start(0))]), find_dialect("native"), run=started.run
    )
    async with response.subscription(PollSink(), {}) as viewer:
        assert await response.hold(viewer) is None


@pytest.mark.parametrize(("seconds", "held_seconds"), [(0.5, 0.5), (60.0, HOLD_SECONDS)])
def test_until_the_first_event_or_two_seconds(seconds: float, held_seconds: float) -> None:
    @in_no_time
    async def test() -> None:
        tide = Tidewire("memory://")
        started = await tide.start(_late(seconds))
        began_at = asyncio.get_running_loop().time()
        await _hold(tide, started)
        assert asyncio.get_running_loop().time() - began_at == pytest.approx(held_seconds)
        await tide.runs.close()

    test()


async def test_who_is_cancelled_meanwhile_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def remember(*args: Any) -> asyncio.TimerHandle:
        timers.append(call_later(*args))
        return timers[-1]

    tide = Tidewire("memory://")
    started = await tide.start(_late(60))
    await asyncio.sleep(0)
    monkeypatch.setattr(loop, "call_later", remember)
    holding = asyncio.create_task(_hold(tide, started))
    await asyncio.sleep(0)
    holding.cancel()
    await asyncio.wait([holding])
    monkeypatch.undo()
    assert [timer.cancelled() for timer in timers] == [True]
    await tide.runs.close()
