"""What the end-to-end tests start outside our process: browser, proxy and server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.chromium import launch
from tests.e2e.nginx import Nginx
from tests.e2e.tidewire_process import TidewireProcess


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, with a fresh profile; closed after the test."""
    async with launch() as browser:
        yield browser


@pytest.fixture
async def nginx(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Nginx]]]:
    """Starts deploy/nginx.conf: ``await nginx(upstream_port, changes)``; stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start(upstream_port: int, changes: dict[str, str] | None = None) -> Nginx:
            proxy = Nginx(tmp_path, upstream_port, changes)
            stack.push_async_callback(proxy.stop)
            return await proxy.start()

        yield start


@pytest.fixture
async def tidewire_process(tmp_path: Path) -> AsyncIterator[TidewireProcess]:
    """``tidewire serve`` with the demo model, ready; stopped after the test."""
    process = TidewireProcess(tmp_path)
    try:
        yield await process.start()
    finally:
        await process.stop()
