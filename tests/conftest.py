"""What tests of several folders need: a browser, and processes that heed Ctrl+C."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.chromium import launch

# A shell has what it starts in the background ignore Ctrl+C, and the children of that, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of the session's event loop, for contexts of their own.

    Its start takes longer than most of what is done with it.
    """
    async with launch() as browser:
        yield browser
