"""How many answers one model gives at a time, and who waits for a turn.

First come, first served. The queue is bounded in length and in time: whoever cannot be
served soon is told so at once, as a 429 that may be tried again – or goes to the next
model of a fallback list.
"""

from __future__ import annotations

import asyncio

from tidewire.errors import UpstreamRefused

__all__ = ["Turns"]

_RETRY_AFTER_SECONDS = 1.0


class Turns:
    """``at_once`` turns, 0 for as many as are asked for; ``queue`` more may wait.

    A turn is held with ``async with``. Raises UpstreamRefused with status 429 if none is
    to be had.
    """

    def __init__(self, *, at_once: int, queue: int, wait_seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once) if at_once else None
        self._places = queue
        self._wait_seconds = wait_seconds

    async def __aenter__(self) -> None:
        if self._free is None:
            return
        if self._free.locked():
            await self._queue(self._free)
        else:
            await self._free.acquire()

    async def __aexit__(self, *exc: object) -> None:
        if self._free is not None:
            self._free.release()

    async def _queue(self, free: asyncio.Semaphore) -> None:
        if not self._places:
            raise _busy()
        self._places -= 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await free.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._places += 1


def _busy() -> UpstreamRefused:
    return UpstreamRefused(
        "Too many answers of this model are going on; try again in a moment.",
        upstream_status=429,
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )
