"""Waiting for an answer: until it begins or ends, the waiter leaves, or all are sent away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tidewire.errors import ShuttingDown
from tidewire.server.tide import Tidewire
from tidewire.server.waiting import wait


@pytest.fixture
async def tide() -> AsyncIterator[Tidewire]:
    tide = Tidewire("memory://")
    async with tide.lifespan():
        yield tide


async def silence() -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


async def stays() -> dict[str, str]:
    await asyncio.Event().wait()
    return {}


async def leaves() -> dict[str, str]:
    return {"type": "http.disconnect"}


async def test_it_has_begun_with_its_first_event(tide: Tidewire) -> None:
    run = await tide.start(silence())
    assert await wait(tide.hub, run.stream, stays, begun=True)
    assert (await tide.log.info(run.id)).head == 1
    assert await wait(tide.hub, await tide.log.info(run.id), stays, begun=True)


async def test_it_is_waited_for_until_it_ends(tide: Tidewire) -> None:
    run = await tide.start(silence())
    waiting = asyncio.create_task(wait(tide.hub, run.stream, stays))
    while not tide.hub.audience(run.id):
        await asyncio.sleep(0)
    assert not waiting.done()
    await tide.runs.stop(run.id)
    assert await waiting
    assert await wait(tide.hub, await tide.log.info(run.id), stays)
    assert not tide.hub.viewers


async def test_who_leaves_waits_no_longer(tide: Tidewire) -> None:
    run = await tide.start(silence())
    assert not await wait(tide.hub, run.stream, leaves)
    assert not tide.hub.viewers


async def test_who_is_sent_away_is_told_to_come_back(tide: Tidewire) -> None:
    run = await tide.start(silence())
    waiting = asyncio.create_task(wait(tide.hub, run.stream, stays))
    while not tide.hub.viewers:
        await asyncio.sleep(0)
    await tide.hub.drain(seconds=0)
    with pytest.raises(ShuttingDown):
        await waiting
