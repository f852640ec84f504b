"""Our TypeScript client follows channels of a real server, over its death, and other ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.follower import Publisher
from tests.faults.server_process import ServerProcess
from tests.interop import typescript

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_event_once_with_the_name_of_its_channel(tmp_path: Path) -> None:
    server = await ServerProcess(tmp_path).start()
    try:
        async with Publisher([server.port]) as publisher, asyncio.timeout(50):
            await publisher.publish("a", 2)
            url = f"http://127.0.0.1:{server.port}"
            following = asyncio.create_task(
                typescript.run("channels.ts", tmp_path, url, "24", "a", "b")
            )
            while not (await server.get("/api/connections")).json()["connections"]:
                await asyncio.sleep(0.02)
            for number in range(11):
                if number == 5:
                    await server.kill()
                    await server.start()
                await publisher.publish("b")
                await publisher.publish("a")
            followed = await following
    finally:
        await server.stop()
    for name, count in publisher.count.items():
        of_it = [event["data"] for event in followed["seen"] if event["channel"] == name]
        assert of_it == [f"{name} {number}" for number in range(count)]
    assert followed["connections"] == 2


async def test_channels_come_and_go_and_nothing_is_lost(tmp_path: Path) -> None:
    server = await ServerProcess(tmp_path).start()
    try:
        async with asyncio.timeout(50):
            url = f"http://127.0.0.1:{server.port}"
            followed = await typescript.run("channels_changed.ts", tmp_path, url)
    finally:
        await server.stop()
    of = {name: [each for each in followed["seen"] if each[0] == name] for name in "abcd"}
    assert of == {
        "a": ["a 0", "a 1", "a 2", "a 3"],
        "b": ["b 0", "b 1", "b 2"],
        "c": ["c 0", "c 1"],
        "d": ["d 0", "d 1"],
    }
    assert sorted(followed["channels"]) == list("abcd")
    assert followed["connections"] == 3
    assert "A channel's name" in followed["refused"]
