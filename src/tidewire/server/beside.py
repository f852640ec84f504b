"""What goes on beside requests: started by one, and no longer than the app.

Never holds the app's end up for long: what is not done by then is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

__all__ = ["Beside"]

END_SECONDS = 2.0

logger = logging.getLogger("tidewire")


class Beside:
    """Its tasks; the loop itself holds them weakly."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it; nobody waits for it, and its errors are logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def end(self) -> None:
        """Waits for all of it a little, then cancels it."""
        tasks = tuple(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=END_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("What went on beside a request failed: %s", error)
