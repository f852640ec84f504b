"""What the end-to-end tests start outside our process: browser, proxy and server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.e2e.nginx import Nginx
from tests.e2e.tidewire_process import TidewireProcess

CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, with a fresh profile; closed after the test."""
    async with _launch() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of the session's event loop, for contexts of their own.

    Its start takes longer than most of what is done with it.
    """
    async with _launch() as browser:
        yield browser


@asynccontextmanager
async def _launch() -> AsyncIterator[Browser]:
    command = shutil.which("chromium")
    assert command, "Chromium is missing; make test installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=command, args=CHROMIUM_OPTIONS)
        try:
            yield browser
        finally:
            await browser.close()


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
