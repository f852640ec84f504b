"""Many viewers of one run, come at different moments, see the same – under any server."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import Exchange, FakeUpstream
from tests.faults.scripted import CONFIG, answer, say
from tests.faults.viewer import Viewer

VIEWERS = 100
PIECES = 300


@pytest.mark.parametrize("plain", [False, True], ids=["direct", "asgi"])
async def test_100_viewers_receive_the_same_sequence(serve: Serve, plain: bool) -> None:
    dice = random.Random(100)
    pieces = answer(dice, PIECES)

    async def behave(exchange: Exchange) -> None:
        await say(exchange, pieces, pause_seconds=lambda: dice.choice((0.0, 0.005, 0.01)))

    async with FakeUpstream(behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url), plain=plain)
        first = Viewer(server.port, "question", key="one")
        reading = asyncio.create_task(first.follow())
        await first.located.wait()
        others = [Viewer(server.port, "", key="") for _ in range(VIEWERS - 1)]
        async with asyncio.TaskGroup() as group:
            for viewer in others:
                viewer.location = first.location
                group.create_task(_come_late(viewer, dice.uniform(0.0, 2.0)))
        await reading

    assert first.text == "".join(pieces)
    assert first.ends == ["run.finished"]
    for viewer in others:
        assert viewer.events == first.events  # (event, data, id), one by one
    assert len(upstream.exchanges) == 1
    assert "ERROR" not in server.log
    print(f"{VIEWERS} viewers, {len(first.events)} events each, all the same")


async def _come_late(viewer: Viewer, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await viewer.follow()


async def test_viewers_at_another_server_see_the_same(serve: Serve) -> None:
    """Two servers on one file, as when a new one starts while the old one drains."""
    dice = random.Random(2)
    pieces = answer(dice, 60)

    async def behave(exchange: Exchange) -> None:
        await say(exchange, pieces, pause_seconds=0.03)

    async with FakeUpstream(behave) as upstream:
        config = CONFIG.format(url=upstream.url)
        owner, other = await serve(config), await serve(config)
        first = Viewer(owner.port, "question", key="one")
        reading = asyncio.create_task(first.follow())
        await first.located.wait()
        others = [Viewer(other.port, "", key="") for _ in range(10)]
        for viewer in others:
            viewer.location = first.location
        async with asyncio.timeout(30):
            coming = (_come_late(viewer, dice.uniform(0.0, 1.0)) for viewer in others)
            await asyncio.gather(reading, *coming)
    assert first.text == "".join(pieces)
    for viewer in others:
        assert viewer.events == first.events
