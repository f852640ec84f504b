"""Letting in one after the other, so that a rush holds up nobody who is inside.

To begin an answer costs as much as twenty of its chunks. A server at which hundreds ask in
the same moment would do nothing else for as long as that takes, and every answer that is
being read would stand still (bench/relay). So those who come wait a moment longer, and
those who read go on.
"""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Turnstile"]


class Turnstile:
    """One passes in each turn of the event loop, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_free = True

    async def enter(self) -> None:
        """Returns at once if nobody else has passed in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if self._is_free:
            self._is_free = False
            loop.call_soon(self._let_in)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _let_in(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # who was cancelled has left
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._let_in)
                return
        self._is_free = True
