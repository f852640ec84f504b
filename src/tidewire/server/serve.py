"""Running an app: uvicorn with our protocol, and an end that loses nobody.

On SIGTERM the server goes on answering while it drains: readiness turns red, answers
get their time to finish, viewers are sent away with a time to come back. Only then
does it stop listening. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn

from tidewire.errors import TidewireError
from tidewire.server.tide import Tidewire
from tidewire.server.unbound import rewording

__all__ = ["run"]

CLOSE_SECONDS = 5
STARTUP_FAILURE = 3
"""The exit status of a server whose app could not start; uvicorn's, so that it stays so."""

logger = logging.getLogger("tidewire")

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"tidewire": {"level": "INFO"}, "uvicorn.error": {"level": "WARNING"}},
}


class Lifespan(LifespanOn):
    """uvicorn's, with a line for what is known to keep an app from starting, and none for
    what a second signal has cut short."""

    async def send(self, message: Any) -> None:
        # Starlette reports from where it handles the error, with the whole traceback.
        if isinstance(error := sys.exception(), (TidewireError, asyncio.CancelledError)):
            message = {**message, "message": str(error)}
        await super().send(message)


class Server(uvicorn.Server):
    """uvicorn's server, draining every open Tidewire before it shuts down."""

    def run(self, sockets: Any = None) -> None:
        super().run(sockets)
        if not self.started:  # an older uvicorn ends as if all were well
            sys.exit(STARTUP_FAILURE)

    def _log_started_message(self, listeners: Any) -> None:
        scheme = "https" if self.config.is_ssl else "http"
        shown = _shown(listeners[0].getsockname(), scheme)
        logger.info("Listening on %s – Ctrl+C ends it", shown)

    async def shutdown(self, sockets: Any = None) -> None:
        draining = [tide.begin_drain() for tide in Tidewire.opened]
        while not self.force_exit and not all(task.done() for task in draining):
            await asyncio.wait(draining, timeout=0.1)
        await super().shutdown(sockets)
        logger.info("Ended")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A signal ends us in good order, so the process ends with 0, not by the signal."""
        self.force_exit = self.should_exit  # the second one, whichever it is
        self.should_exit = True


def _shown(address: Any, scheme: str) -> str:
    """A socket's own address, for a person."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def run(app: Any, *, host: str = "127.0.0.1", port: int = 8400, **options: Any) -> None:
    """Serves an ASGI app, or ``"module:app"``, with direct writes and draining.

    ``options`` are uvicorn's. Blocks until a signal ends it.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        **{
            "ws": "none",
            "lifespan": "on",
            "server_header": False,
            "access_log": False,
            "log_config": _LOGGING,
            "backlog": 4096,
            "timeout_graceful_shutdown": CLOSE_SECONDS,
            **options,
        },
    )
    config.load()
    config.lifespan_class = Lifespan
    config.http_protocol_class = _protocol(config.http_protocol_class)
    logging.getLogger("uvicorn.error").addFilter(rewording(host, port))
    _calm_collector()
    Server(config).run()


def _protocol(plain: Any) -> Any:
    """Ours; for a uvicorn that is built otherwise than those we know, ``plain``, its own."""
    with suppress(ImportError):
        from tidewire.server.protocol import FITS, TidewireProtocol

        if FITS:
            return TidewireProtocol
    logger.warning("uvicorn %s is new to us: streams are not written directly", uvicorn.__version__)
    return plain


def _calm_collector() -> None:
    """Has the cyclic garbage collector look less often, and never at what stays for ever.

    Streaming makes many short-lived objects and hardly a cycle; with the defaults the
    collector takes a quarter of the loop's time (bench/relay).
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
