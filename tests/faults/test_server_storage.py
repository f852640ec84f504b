"""A full disk, a locked file: the answer fails loudly, stored ones can be read, and when
there is space or the lock is gone, all is well again."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import Exchange, FakeUpstream, chunk
from tests.faults.scripted import CONFIG, question, say
from tests.faults.server_process import ServerProcess
from tests.faults.test_log_storage import locked
from tests.faults.viewer import Viewer

STORED = ["A tide ", "is the ", "rise and fall ", "of the sea."]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Where the server keeps its data: a file system of two megabytes (needs root)."""
    disk = tmp_path / "data"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


async def _behave(exchange: Exchange) -> None:
    if question(exchange) != "endless":
        await say(exchange, STORED)
        return
    await exchange.start()
    for number in range(100_000):
        await exchange.send(chunk({"content": f"{number} "}))
        await asyncio.sleep(0.01)


async def test_a_full_disk(small_disk: Path, serve: Serve) -> None:
    async with FakeUpstream(_behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url))
        stored = Viewer(server.port, "short", key="short")
        await stored.follow()
        assert stored.text == "".join(STORED)

        endless = Viewer(server.port, "endless", key="endless")
        watching = asyncio.create_task(endless.follow())
        await endless.located.wait()
        ballast = small_disk / "ballast"
        _fill(ballast)
        await _until_ready(server, False)
        assert (await server.get("/healthz")).status_code == 200
        reason = (await server.get("/readyz")).json()["reason"]
        assert str(small_disk) not in reason
        await _reads_the_same(server, stored)
        refused = await server.post("/api/chat", json={"message": "short"})
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "log_unavailable"
        assert int(refused.headers["retry-after"]) > 0

        ballast.unlink()
        async with asyncio.timeout(30):
            await watching
            await _until_ready(server, True)
        await _reads_the_same(server, stored)
        again = Viewer(server.port, "short", key="again")
        await again.follow()
        assert again.text == "".join(STORED)
        async with asyncio.timeout(30):
            await upstream.exchanges[1].gone.wait()

    count = len(endless.text.split())
    assert endless.text == "".join(f"{number} " for number in range(count))  # and no hole
    assert endless.ends == ["run.failed"]
    failed = json.loads(endless.events[-1].data)
    assert (failed["code"], failed["retryable"]) == ("log_unavailable", True)
    assert "Exception in ASGI application" not in server.log
    print(f"{count} pieces before the disk was full; {reason}")


async def test_a_locked_file(tmp_path: Path, serve: Serve) -> None:
    async with FakeUpstream(_behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url))
        stored = Viewer(server.port, "short", key="short")
        await stored.follow()
        endless = Viewer(server.port, "endless", key="endless")
        watching = asyncio.create_task(endless.follow())
        await endless.located.wait()
        with locked(tmp_path / "data" / "log.db"):
            await _until_ready(server, False)
            await _reads_the_same(server, stored)
        async with asyncio.timeout(30):
            await watching
            await _until_ready(server, True)
    assert endless.ends == ["run.failed"]
    assert json.loads(endless.events[-1].data)["code"] == "log_unavailable"
    assert "Exception in ASGI application" not in server.log


def _fill(ballast: Path) -> None:
    """Takes all the space there is."""
    with ballast.open("wb", buffering=0) as file:
        size = 65_536
        while size:
            try:
                if file.write(b"x" * size) < size:
                    size //= 2
            except OSError:
                size //= 2


async def _until_ready(server: ServerProcess, ready: bool) -> None:
    async with asyncio.timeout(30):
        while (await server.get("/readyz")).is_success != ready:
            await asyncio.sleep(0.05)


async def _reads_the_same(server: ServerProcess, before: Viewer) -> None:
    again = Viewer(server.port, "", key="")
    again.location = before.location
    await again.follow()
    assert again.events == before.events
