"""Our TypeScript client follows channels of a real server, over its death."""

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
