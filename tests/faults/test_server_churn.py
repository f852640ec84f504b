"""Viewers come and go; nothing of them stays: neither in the books nor in memory."""

from __future__ import annotations

import asyncio

from tests.faults.conftest import Serve
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection

VIEWERS = 500
TIMES = 10
PLATEAU = 3
ROOM_BYTES = 12 << 20
"""A viewer that stays costs more than 8 KiB: those after the plateau, 27 MiB together. What
the interpreter takes once at some moment or other is up to 7 MiB; forty times are flat, too."""


async def test_viewers_that_come_and_go_ten_times_leave_nothing(serve: Serve) -> None:
    server = await serve()
    memory = []
    for number in range(TIMES):
        viewers = [await _come(server) for _ in range(VIEWERS)]
        await _are_there(server, VIEWERS)
        published = await server.post("/api/channels/busy", content="to all")
        assert published.status_code == 201
        await asyncio.gather(*(_hear(viewer) for viewer in viewers))
        for viewer in viewers:
            viewer.cut(reset=number % 2 == 1)
        await _are_there(server, 0)
        memory.append(server.rss)
    assert memory[-1] - memory[PLATEAU - 1] < ROOM_BYTES, [size >> 10 for size in memory]


async def _come(server: ServerProcess) -> Connection:
    return await Connection.open(server.port, "GET", "/api/channels/busy")


async def _hear(viewer: Connection) -> None:
    """Reads up to the published event."""
    while not any(event.data == "to all" for event in await viewer.read() or ()):
        assert not viewer.is_complete


async def _are_there(server: ServerProcess, count: int) -> None:
    """The server hears one by one of those that come or go."""
    async with asyncio.timeout(30):
        while await _viewers(server) != count:
            await asyncio.sleep(0.02)


async def _viewers(server: ServerProcess) -> int:
    info = await server.get("/api/channels/busy/info")
    return int(info.json()["viewers"]) if info.status_code == 200 else 0
