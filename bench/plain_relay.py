"""The relay that most people write: httpx reads the model, sse-starlette writes the viewer.

A peer of bench/relay, run by uvicorn. It does honestly what such relays do, and no more:
one pooled client, lines read as they come, payloads passed on without being parsed.
It keeps nothing, so it can resume nothing.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

MODEL_URL = os.environ["MODEL_URL"]

client = httpx.AsyncClient(timeout=60)


async def events(body: bytes) -> AsyncIterator[dict[str, str]]:
    headers = {"Content-Type": "application/json"}
    async with client.stream("POST", MODEL_URL, content=body, headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                yield {"data": line[6:]}


async def chat(request: Request) -> EventSourceResponse:
    return EventSourceResponse(events(await request.body()))


app = Starlette(routes=[Route("/chat", chat, methods=["POST"])])
