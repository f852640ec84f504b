"""A hub as sse-starlette's documentation shows it: one queue per viewer, a loop that fills them.

A peer of bench/fanout, run by uvicorn. Its pings are off, so that only deliveries cost.
It keeps nothing, so it can resume nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

NEVER_SECONDS = 86_400

queues: set[asyncio.Queue[str]] = set()


async def events() -> AsyncIterator[dict[str, str]]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield {"event": "message", "data": await queue.get()}
    finally:
        queues.discard(queue)


async def subscribe(request: Request) -> EventSourceResponse:
    return EventSourceResponse(events(), ping=NEVER_SECONDS)


async def publish(request: Request) -> Response:
    data = (await request.body()).decode()
    for queue in queues:
        queue.put_nowait(data)
    return Response(status_code=201)


app = Starlette(
    routes=[
        Route("/events", subscribe),
        Route("/events", publish, methods=["POST"]),
    ]
)
