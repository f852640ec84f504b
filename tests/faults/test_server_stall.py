"""Viewers that stop reading: bounded memory, nobody else waits, and all of it in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import DONE, FINISH, Exchange, FakeUpstream, chunk
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection, understand

PIECES = 700
PIECE_BYTES = 30_000
STALLED = 20
BOUND_BYTES = 1_000_000
"""What one stalled viewer may cost: 64 KiB pending, one batch, what was recent; doubled."""

CONFIG = """
[runs]
max_bytes = 100_000_000
[models.scripted]
api = "openai"
base_url = "{url}"
max_answer_bytes = 100_000_000
"""


class LongAnswer:
    """21 MB of numbered pieces; knows when each was sent."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.sent_at = []
        await exchange.start()
        for number in range(PIECES):
            self.sent_at.append(time.monotonic())
            await exchange.send(chunk({"content": f"{number}:".ljust(PIECE_BYTES, "x")}))
            await asyncio.sleep(0.001)
        for last in (FINISH, DONE):
            await exchange.send(last)
        await exchange.end()


class _Watched(NamedTuple):
    delay: float
    stalled: list[Connection]


async def _numbers(connection: Connection) -> AsyncIterator[int]:
    """The numbers of the pieces, as they arrive."""
    while (events := await connection.read()) is not None:
        for event in events:
            if text := understand("native", event).text:
                assert len(text) == PIECE_BYTES
                yield int(text.partition(":")[0])


async def _watch(answer: LongAnswer, connection: Connection) -> float:
    """Reads all; gives the 99th percentile of the delay of the second half, in seconds.

    By then whoever does not read has filled the kernel's buffers, too.
    """
    delays: list[float] = []
    async for number in _numbers(connection):
        assert number == len(delays)
        delays.append(time.monotonic() - answer.sent_at[number])
    assert len(delays) == PIECES
    return sorted(delays[PIECES // 2 :])[PIECES // 2 * 99 // 100]


async def _start(server: ServerProcess) -> Connection:
    body = {"message": "a long one"}
    return await Connection.open(server.port, "POST", "/api/chat", body=body)


async def _stall(server: ServerProcess, target: str) -> Connection:
    """A viewer with a small buffer that reads nothing, not even the head."""
    return await Connection.open(server.port, "GET", target, receive_buffer_bytes=4096)


async def _watch_two(server: ServerProcess, answer: LongAnswer, stalled: int) -> _Watched:
    """Two viewers read a new run beside so many that do not."""
    first = await (await _start(server)).head()
    target = first.headers["location"]
    silent = [await _stall(server, target) for _ in range(stalled)]
    second = await Connection.open(server.port, "GET", target)
    delays = await asyncio.gather(_watch(answer, first), _watch(answer, second))
    first.cut()
    second.cut()
    return _Watched(max(delays), silent)


async def test_20_viewers_that_stop_reading(serve: Serve) -> None:
    answer = LongAnswer()
    async with FakeUpstream(answer) as upstream:
        server = await serve(CONFIG.format(url=upstream.url))
        alone = await _watch_two(server, answer, stalled=0)  # and warms everything up
        before = server.rss
        beside = await _watch_two(server, answer, stalled=STALLED)
        grown = server.rss - before

        metrics = (await server.get("/metrics")).text
        assert f"tidewire_viewers {STALLED}.0" in metrics  # they are still there
        for connection in beside.stalled[:3]:
            assert [number async for number in _numbers(connection)] == list(range(PIECES))
            assert connection.is_complete
        for connection in beside.stalled:
            connection.cut()

    milliseconds = f"{alone.delay * 1000:.0f} ms alone, {beside.delay * 1000:.0f} ms beside them"
    print(f"{grown:,} bytes more; p99 of the delay {milliseconds}")
    assert grown < STALLED * BOUND_BYTES
    assert beside.delay < 5 * alone.delay + 1
