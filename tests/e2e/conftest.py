"""What the end-to-end tests start outside our process: browser, proxy and server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.chromium import launch
from tests.e2e.console_visits import Visits, visit, visiting
from tests.e2e.nginx import Nginx
from tests.e2e.tidewire_process import TidewireProcess

# For what never comes: on a machine that is busy with other things, what comes may take its time.
expect.set_options(timeout=30_000)


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tidewire_process(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[TidewireProcess]:
    """``tidewire serve`` with the demo model, ready; one for all tests of a file."""
    process = TidewireProcess(tmp_path_factory.mktemp("tidewire"))
    try:
        yield await process.start()
    finally:
        await process.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def visited_server(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Visits]:
    """One server for all visits to the console: each brings its own people and rooms."""
    async with visiting(browser, tmp_path_factory.mktemp("visited")) as visits:
        yield visits


@pytest_asyncio.fixture(loop_scope="session")
async def visits(visited_server: Visits) -> AsyncIterator[Visits]:
    """People at the console; they leave after the test, and nothing may have gone wrong."""
    async with visit(visited_server):
        yield visited_server
