"""``Tidewire``: the log, the hub and the runs of one app, behind one small door.

What a builder adds to a FastAPI or Starlette app. ``tidewire serve`` is made of the
same object. It knows nothing of chat, models or sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from tidewire.errors import BadRequest, ConfigError, LogError
from tidewire.live.base import Visit
from tidewire.live.hub import Hub
from tidewire.live.start import Start, Starts, find_start
from tidewire.log.base import Expiring, Log, StreamInfo
from tidewire.log.memory import MemoryLog
from tidewire.log.sqlite import SqliteLog
from tidewire.models.base import ChatRequest
from tidewire.runs.run import Limits, Run
from tidewire.runs.runs import Runs, Started
from tidewire.runs.source import Source
from tidewire.server.beside import Beside
from tidewire.server.poll import PollResponse
from tidewire.server.requested import (
    requested_cursor,
    requested_dialect,
    requested_mode,
    requested_since,
)
from tidewire.server.respond import StreamResponse
from tidewire.server.routes import answer_errors
from tidewire.server.signals import hearing_exit_signals
from tidewire.server.streams import streams_router

__all__ = ["Tidewire", "open_log"]

EXPIRE_EVERY_SECONDS = 60.0
NOT_OPEN = (
    "This Tidewire is not open. FastAPI(lifespan=tide.lifespan) opens it with the app, or 'async "
    "with tide.lifespan(app)' in a lifespan of yours: in the outermost app's, if one is mounted."
)


def open_log(url: str, *, synchronous: str = "normal") -> Log:
    """The log of a URL: ``memory://`` or ``sqlite:///path/to/file``, the path as it is.

    Raises ConfigError for any other.
    """
    scheme, _, path = url.partition(":///")
    if url.startswith("memory:"):
        return MemoryLog()
    if scheme == "sqlite" and path:
        if synchronous not in ("normal", "full"):
            raise ConfigError("synchronous is 'normal' or 'full'.")
        return SqliteLog(Path(path), synchronous=synchronous)  # type: ignore[arg-type]
    raise ConfigError(f"The log '{url}' is neither memory:// nor sqlite:///path/to/file.")


class Tidewire:
    """Resumable streams for an app.

    ``log`` is a URL (see ``open_log``) or a Log. ``keep_seconds``: how long an ended
    stream can still be read. ``drain_seconds``: how long runs may go on when the
    server stops. ``max_connection_seconds``: viewers have to connect anew after about
    so long (None: never), without losing anything.
    """

    opened: ClassVar[set[Tidewire]] = set()
    """Those that are open in this process, for a server that is about to stop."""

    def __init__(
        self,
        log: str | Log = "memory://",
        *,
        heartbeat_seconds: float = 15.0,
        keep_seconds: float = 7 * 86400.0,
        drain_seconds: float = 10.0,
        max_connection_seconds: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.log = open_log(log) if isinstance(log, str) else log
        self.hub = Hub(
            self.log,
            heartbeat_seconds=heartbeat_seconds,
            lifetime_seconds=max_connection_seconds,
        )
        self.runs = Runs(self.log, self.hub, limits=limits)
        self.beside = Beside()
        """What a request begins and does not wait for."""
        self.keep_seconds = keep_seconds
        self._drain_seconds = drain_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._drain: asyncio.Task[None] | None = None

    @property
    def router(self) -> APIRouter:
        """Resume, subscribe and stop: ``/api/streams/{id}``, ``/api/runs/{id}/stop``."""
        return streams_router(self)

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncGenerator[None, None]:
        """To be given to the app, or entered by its own lifespan.

        Given the app, it also sees to it that our errors become HTTP answers there.
        """
        if isinstance(app, Starlette):
            answer_errors(app)
        await self.open()
        try:
            with hearing_exit_signals(self.begin_drain):
                yield
        finally:
            await self.close()

    async def open(self) -> None:
        """Opens the log and closes runs that a dead process left. Raises LogUnavailable.

        One that was closed may be opened again, as the tests of an app do.
        """
        await self.log.open()
        await self.runs.open()
        self._tasks = [
            asyncio.create_task(self.hub.beat(), name="heartbeat"),
            asyncio.create_task(self._expire(), name="expire"),
        ]
        Tidewire.opened.add(self)

    def begin_drain(self) -> asyncio.Task[None]:
        """Begins to end: no new streams, time for runs, then viewers are sent away.

        Idempotent; the task is done when nobody is left.
        """
        if self._drain is None:
            self.runs.draining = True
            self._drain = asyncio.create_task(self._end_all(), name="drain")
        return self._drain

    async def _end_all(self) -> None:
        await self.runs.close(drain_seconds=self._drain_seconds)
        await self.hub.drain(seconds=min(2.0, self._drain_seconds))

    async def close(self) -> None:
        """Interrupts what still runs, and lets go of the log."""
        Tidewire.opened.discard(self)
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None
        await self.runs.close()
        await self.hub.drain(seconds=0.0)
        await self.beside.end()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.log.close()

    async def start(
        self,
        source: Source | Callable[[], Source],
        *,
        id: str | None = None,
        session: str | None = None,
        model: str | None = None,
        request: ChatRequest | None = None,
        linger_seconds: float | None = None,
    ) -> Started:
        """Starts a run from an async iterable of texts and answer events.

        It lives on when the request ends; see Runs.start for the options and errors.
        Raises ConfigError if nobody has entered ``lifespan`` or called ``open``; only a
        MemoryLog does without.
        """
        if self not in Tidewire.opened and not isinstance(self.log, MemoryLog):
            raise ConfigError(NOT_OPEN)
        make = source if callable(source) else lambda: source
        return await self.runs.start(
            make,
            id=id,
            session=session,
            model=model,
            request=request,
            linger_seconds=linger_seconds,
        )

    def respond(
        self, request: Request, run: Started, *, headers: dict[str, str] | None = None
    ) -> Response:
        """The run's stream as the response, in the dialect that the request asks for.

        Raises BadRequest for an unknown dialect.
        """
        return self.stream_response(
            request,
            run.stream,
            run=run.run,
            headers={**run_headers(request.scope, run.id), **(headers or {})},
        )

    def stream_response(
        self,
        request: Request,
        stream: StreamInfo,
        *,
        run: Run | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """A stream from where the request's cursor says: header, query, or ``from``.

        From the start in a dialect whose readers can make nothing of a middle.
        204 if the cursor is at the end of a closed stream: there is nothing to come.
        Raises ShuttingDown, BadRequest.
        """
        cursor = requested_cursor(request)
        since = requested_since(request)
        start = find_start(stream, cursor=cursor, since=since, prime=request.method == "GET")
        if start.is_end_of(stream) and (cursor or since == "now"):
            return Response(status_code=204, headers=headers)
        if not requested_dialect(request).resumes:
            start = Start(stream.first - 1)
        starts = Starts([(stream, start)])
        return self.streams_response(request, starts, run=run, headers=headers)

    def streams_response(
        self,
        request: Request,
        starts: Starts,
        *,
        run: Run | None = None,
        headers: dict[str, str] | None = None,
        announce: bool = False,
        visit: Visit | None = None,
    ) -> Response:
        """One or several streams from their starts, in the dialect and mode asked for.

        See Subscription for ``announce`` and ``visit``. Raises ShuttingDown, BadRequest.
        """
        self.runs.check_open()
        dialect = requested_dialect(request)
        if len(starts.streams) > 1 and not dialect.multiplexes:
            raise BadRequest(f"The dialect '{dialect.name}' carries one stream only.")
        mode = requested_mode(request)
        respond = PollResponse if mode == "poll" else StreamResponse
        return respond(
            self.hub,
            starts,
            dialect,
            run=run,
            headers=headers,
            announce=announce and mode == "sse",
            visit=visit,
        )

    async def _expire(self) -> None:
        while isinstance(self.log, Expiring):
            with contextlib.suppress(LogError):
                while await self.log.expire(closed_before_seconds=self.keep_seconds):
                    pass  # a part at a time
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)


def run_headers(scope: Scope, run: str) -> dict[str, str]:
    """How clients find the run again: three families of them, three names.

    In an app that is mounted in another, or behind a proxy's prefix, below the same root.
    """
    location = f"{scope.get('root_path', '')}/api/streams/{run}"
    return {"Location": location, "X-Run-Id": run, "X-Workflow-Run-Id": run}
