"""``/api/demo/interval``: ``Message N`` every 200 ms, for trying a client out. A demo.

Every request gets a channel of its own, which counts from 0 as long as somebody reads
it, and is deleted some seconds after the last reader has left. The server counts to
which a reader comes; if another does so, too, each number is stored once all the same,
and the one that its reader has left takes nothing from the one that he has come to.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tidewire.errors import InvalidCursor, StreamGone, StreamNotFound
from tidewire.live.channels import Channels
from tidewire.live.start import Starts, find_start
from tidewire.log.base import CHANNEL, StreamInfo
from tidewire.server.access import INTERVAL
from tidewire.server.requested import requested_cursor
from tidewire.server.routes import SSE, Route
from tidewire.server.tide import Tidewire
from tidewire.wire.cursor import read_cursor
from tidewire.wire.event import Event

__all__ = ["interval_router"]

GRACE_SECONDS = 10.0
MAX_MESSAGES = 10_000


def interval_router(tide: Tidewire, channels: Channels) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["demo"])
    runs = tide.runs
    counting: set[str] = set()

    @router.get("/api/demo/interval", response_class=Response, responses=SSE)
    async def interval(
        request: Request,
        ms: Annotated[int, Query(ge=10, le=60_000, description="time between messages")] = 200,
    ) -> Response:
        """``Message 0``, ``Message 1`` … until the client closes. A reconnect goes on."""
        runs.check_open()
        stream = await _known(request) or await channels.open(INTERVAL + secrets.token_hex(8))
        name = stream.name.removeprefix(CHANNEL)
        if name not in counting:
            counting.add(name)
            tide.beside.start(_count(name, stream.head, ms / 1000))
        start = find_start(stream, cursor=requested_cursor(request), prime=True)
        return tide.streams_response(request, Starts([(stream, start)]))

    async def _known(request: Request) -> StreamInfo | None:
        """The channel of a client that has lost its connection, if there is one."""
        cursor = requested_cursor(request)
        with contextlib.suppress(StreamNotFound, StreamGone, InvalidCursor):
            if cursor is not None:
                stream = await tide.log.info(epoch=read_cursor(cursor)[0].epoch)
                if stream.name.startswith(CHANNEL + INTERVAL):
                    return stream
        return None

    async def _count(name: str, number: int, seconds: float) -> None:
        alone_seconds = 0.0
        try:
            while number < MAX_MESSAGES and alone_seconds < GRACE_SECONDS and not runs.draining:
                event = Event("message", f"Message {number}")
                await channels.publish(name, [event], key=str(number), is_own=True)
                number += 1
                await asyncio.sleep(seconds)
                alone_seconds = 0.0 if channels.audience(name) else alone_seconds + seconds
        finally:
            counting.remove(name)
        if not runs.draining:  # else its readers go on elsewhere, or here after a restart
            await asyncio.sleep(max(GRACE_SECONDS, 2 * seconds))
            await _delete_unless_counted(name, number)

    async def _delete_unless_counted(name: str, number: int) -> None:
        """Not if anybody has gone on counting from ``number``."""
        with contextlib.suppress(StreamNotFound, StreamGone):
            if (await channels.info(name)).head == number:
                await channels.delete(name)

    return router
