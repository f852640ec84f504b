"""Giving an app a port, for as long as it is needed: in a test, or until a signal.

uvicorn's protocol without uvicorn's server: nothing is awaited at the end – who is still
connected is cut off – and tests start and stop it in a moment.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tidewire.errors import ConfigError
from tidewire.mock.app import CUT

__all__ = ["listening", "run"]


class _Protocol(HttpToolsProtocol):
    """Offers the app to close its connection in the middle of an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.transport.close}  # type: ignore[dict-item]


@asynccontextmanager
async def listening(app: Any, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The app's URL while it is served; port 0 takes a free one. Raises ConfigError."""
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: _Protocol(config, state, {}), host, port)
    except OSError as exc:
        raise ConfigError(
            f"Port {port} of {host} cannot be listened on. If it is taken, choose another."
        ) from exc
    try:
        yield f"http://{_shown(host)}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


def run(app: Any, host: str, port: int, *, ready: Callable[[str], object]) -> None:
    """Serves until SIGINT or SIGTERM; ``ready`` is told the URL."""

    async def until_signalled() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        async with listening(app, host, port) as url:
            ready(url)
            await ended.wait()

    asyncio.run(until_signalled())


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
