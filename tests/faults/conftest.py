"""What the fault tests start: servers of their own, ended after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.server_process import ServerProcess

Serve = Callable[..., Awaitable[ServerProcess]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a server: ``await serve(config, folder=…, plain=…)``."""
    async with AsyncExitStack() as stack:

        async def start(
            config: str = "", *, folder: Path = tmp_path, plain: bool = False
        ) -> ServerProcess:
            server = ServerProcess(folder, config, plain=plain)
            stack.push_async_callback(server.stop)
            return await server.start()

        yield start
