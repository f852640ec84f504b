"""What is too old goes a part at a time, and all of it."""

from __future__ import annotations

import asyncio

from tidewire.log.memory import MemoryLog
from tidewire.server.tide import Tidewire


class LongKept(MemoryLog):
    """Has three parts that are too old."""

    parts = 3

    async def expire(self, *, closed_before_seconds: float) -> int:
        await asyncio.sleep(0)
        if not self.parts:
            return 0
        self.parts -= 1
        return 200


async def test_nothing_that_is_too_old_waits_for_the_next_minute() -> None:
    log = LongKept()
    async with Tidewire(log).lifespan(), asyncio.timeout(10):
        while log.parts:
            await asyncio.sleep(0)
