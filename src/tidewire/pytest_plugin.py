"""The pytest fixture of tidewire.testing, for any test, async or not.

``pytest_plugins = ["tidewire.pytest_plugin"]`` in the conftest.py of the tests' root
loads it. The mock runs in a thread of its own, so that a blocking client can ask it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tidewire.testing import MockServer, mock_server

__all__ = ["tidewire_mock"]


@pytest.fixture
def tidewire_mock() -> Iterator[MockServer]:
    """Mocked model APIs that say every question back, until ``play`` tells them otherwise."""
    started: Future[tuple[MockServer, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        async with mock_server() as mock:
            started.set_result((mock, asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="tidewire_mock")
    thread.start()
    mock, loop, ended = started.result(timeout=10)
    yield mock
    loop.call_soon_threadsafe(ended.set)
    thread.join()
