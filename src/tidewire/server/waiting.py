"""Waiting: for what comes first, and for an answer without reading it.

The second is for responses that are given in one piece. Who waits is a viewer like any
other – an answer that is to end when nobody watches goes on – but nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from starlette.types import Receive

from tidewire.dialects.base import Dialect
from tidewire.errors import ShuttingDown
from tidewire.live.base import Viewer
from tidewire.live.hub import Hub
from tidewire.live.sinks import disconnected
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.log.base import StreamInfo
from tidewire.wire.event import Event

__all__ = ["first_of", "wait"]


async def first_of(
    *happenings: Coroutine[Any, Any, object], timeout_seconds: float | None = None
) -> None:
    """Until one of them is over, or for so long; the others are cancelled."""
    tasks = [asyncio.create_task(happening) for happening in happenings]
    try:
        await asyncio.wait(tasks, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait(hub: Hub, stream: StreamInfo, receive: Receive, *, begun: bool = False) -> bool:
    """Until the stream is closed or, with ``begun``, has its first event.

    False if who waits has left before. Raises ShuttingDown when viewers are sent away.
    """
    ear = _Ear()
    if begun and stream.head:
        return True
    starts = Starts([(stream, Start(stream.head))])
    async with Subscription(hub, starts, _TICKS, ear) as viewer:
        heard = [ear.heard.wait()] if begun else []
        await first_of(viewer.run(), disconnected(receive), *heard)
        if viewer.readings.is_done or (begun and ear.heard.is_set()):
            return True
        if viewer.is_over:
            raise ShuttingDown("The server is restarting; the answer can be read in a moment.")
    return False


class _Ear:
    """A sink that hears that something was written, and keeps nothing."""

    def __init__(self) -> None:
        self.viewer: Viewer | None = None
        self.chunked = False
        self.is_paused = False
        self.is_gone = False
        self.heard = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.heard.set()


class _Tick:
    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        return b"."

    def joining(self) -> bytes:
        return b""


class _Ticks(Dialect):
    """Says that there was something, never what; and nothing of the connection."""

    name = "ticks"
    keeps = frozenset()
    heartbeat = b""

    def encoder(self) -> _Tick:
        return _Tick()

    def opening(self, cursor: str | None) -> bytes:
        return b""

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        return b""

    def farewell(self, retry_milliseconds: int) -> bytes:
        return b""


_TICKS = _Ticks()
