"""The whole server in this process: its app, asked without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tidewire.server.app import create_app
from tidewire.server.settings import Settings

Start = Callable[..., Awaitable[httpx.AsyncClient]]

AWAY = {"api": "openai", "base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
AT_ONCE = {"demo": {"api": "demo", "first_token_seconds": 0, "tokens_per_second": 0}}


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """``await start(cors={…})``: a client of a server with these settings; ``root``: where it
    is mounted."""
    async with AsyncExitStack() as stack:

        async def start(root: str = "", **tables: Any) -> httpx.AsyncClient:
            app = create_app(Settings(**{"log": {"url": "memory://"}, "models": AT_ONCE, **tables}))
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app, root_path=root)
            client = httpx.AsyncClient(transport=transport, base_url="http://tidewire.test")
            return await stack.enter_async_context(client)

        yield start


@pytest.fixture
async def api(start: Start) -> httpx.AsyncClient:
    """A client of a server as it comes, but quick."""
    return await start()
