"""A memory log whose news and reads arrive when a test says so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from tidewire.log.base import Batch, Commit, Listener
from tidewire.log.memory import MemoryLog


class HeldLog(MemoryLog):
    """Stores at once. What was committed is heard of when ``deliver`` is called; a read
    goes one step at each ``step``: it takes place, then its caller gets it."""

    def __init__(self) -> None:
        super().__init__()
        self.holds_reads = True
        self._steps: deque[asyncio.Future[None]] = deque()
        self._untold: deque[Sequence[Commit]] = deque()
        self._hub: Listener | None = None

    def hold_news(self) -> None:
        """From now on; call it when the hub has been made."""
        self._hub, self.listener = self.listener, self._untold.append

    @property
    def untold(self) -> int:
        return len(self._untold)

    @property
    def held(self) -> int:
        return len(self._steps)

    def deliver(self) -> None:
        assert self._hub is not None
        self._hub(self._untold.popleft())

    def step(self) -> None:
        step = self._steps.popleft()
        if not step.done():
            step.set_result(None)

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        await self._hold()
        batch = await super().read(name, after, limit=min(limit, 3), epoch=epoch)
        await self._hold()
        return batch

    async def _hold(self) -> None:
        if self.holds_reads:
            step: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._steps.append(step)
            await step
