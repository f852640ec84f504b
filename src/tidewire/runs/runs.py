"""All runs of this process: start, join, stop.

Every run is written under this process's lease (lease.py). A stop of a run that lives
elsewhere takes it over; its owner is then fenced out.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable

from tidewire.answers.events import AnswerEvent, RunStarted, RunStopped, encode
from tidewire.errors import BadRequest, NotFound, ShuttingDown
from tidewire.live.hub import Hub
from tidewire.log.base import Log, StreamInfo
from tidewire.models.base import ChatRequest
from tidewire.runs.lease import Lease
from tidewire.runs.lingering import Lingering
from tidewire.runs.run import Limits, Run
from tidewire.runs.source import Source
from tidewire.wire.event import Event

__all__ = ["PREFIX", "Runs", "Started", "new_run_id"]

PREFIX = "run_"
_ID = re.compile(PREFIX + "[A-Za-z0-9._~-]{1,200}")
STOP_SECONDS = 2.0
END_SECONDS = 6.0


def new_run_id() -> str:
    """A fresh id; also the name of the run's stream."""
    return PREFIX + secrets.token_urlsafe(12).replace("-", "A").replace("_", "B")


class Started:
    """A run that was started or joined. ``run`` is None if another process owns it."""

    __slots__ = ("created", "run", "stream")

    def __init__(
        self, stream: StreamInfo, run: Run | None = None, *, created: bool = False
    ) -> None:
        self.stream = stream
        self.run = run
        self.created = created

    @property
    def id(self) -> str:
        return self.stream.name


class Runs:
    """Opened with the log, closed before it."""

    def __init__(self, log: Log, hub: Hub, *, limits: Limits | None = None) -> None:
        self.draining = False
        self._log = log
        self._limits = limits or Limits()
        self._lease = Lease(log)
        self._runs: dict[str, Run] = {}
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.first_token_seconds: deque[float] = deque(maxlen=200)
        """How long the latest answers took to begin, newest last."""
        self._lingering = Lingering(hub, self._stop_unwatched)
        hub.on_closed = self._closed

    def __len__(self) -> int:
        """How many are going on in this process, or about to begin."""
        return len(self._runs) + self._starting

    async def open(self) -> None:
        """Takes the lease and closes what a dead process left open."""
        self.draining = False
        await self._lease.open()

    async def close(self, *, drain_seconds: float = 0.0) -> None:
        """Refuses new runs, gives the others ``drain_seconds``, interrupts the rest."""
        self.draining = True
        if self._tasks and drain_seconds > 0:
            await asyncio.wait(self._tasks, timeout=drain_seconds)
        runs = tuple(self._runs.values())
        for run in runs:
            run.interrupt("The server is restarting.")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_SECONDS)
        for run in runs:
            run.abandon()
        await self._lease.close()

    def check_open(self) -> None:
        """Raises ShuttingDown from when the server has been told to end."""
        if self.draining:
            raise ShuttingDown("The server is restarting; try again in a moment.")

    async def start(
        self,
        source: Callable[[], Source],
        *,
        id: str | None = None,
        session: str | None = None,
        model: str | None = None,
        request: ChatRequest | None = None,
        linger_seconds: float | None = None,
    ) -> Started:
        """Starts a run, or joins the one that has this id already; ids begin with ``run_``.

        ``source`` is only called for a new run. ``linger_seconds``: stop it so long
        after its last viewer has left (0: at once); None: never because of that.
        Raises BadRequest for an id that no run can have, ShuttingDown, LogUnavailable.
        """
        id = id or new_run_id()
        if not _ID.fullmatch(id):
            raise BadRequest("A run's id is 'run_' and 1 to 200 letters, digits or . _ ~ - more.")
        started = RunStarted(id, session=session, model=model, created=int(time.time()))
        first = [Event(started.type, encode(started))]
        stream = await self._create(id)
        if not stream.created:
            return Started(stream, self._runs.get(id))
        stored = self._log.append(id, first, fence=stream.fence, epoch=stream.epoch)
        try:
            made = source()
        except Exception as exc:
            made = _raising(exc)
        run = Run(
            id,
            stream,
            self._log,
            made,
            limits=self._limits,
            session=session,
            request=request,
            started=stored,
        )
        if linger_seconds is not None:
            self._lingering.allow(id, linger_seconds)
        self._begin(run)
        return Started(stream, run, created=True)

    def _begin(self, run: Run) -> None:
        self._runs[run.id] = run
        task = run.start()
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._done(run, task))

    async def _create(self, id: str) -> StreamInfo:
        """The stream of a run. One that nobody is going to write does not stay open."""
        self.check_open()
        made = self._log.create(id, owner=self._lease.owner)
        self._starting += 1
        try:
            stream = await asyncio.shield(made)
            if stream.created:
                self.check_open()
        except (asyncio.CancelledError, ShuttingDown):
            made.add_done_callback(self._forsake)
            raise
        finally:
            self._starting -= 1
        return stream

    def _forsake(self, made: asyncio.Future[StreamInfo]) -> None:
        """Ends the run of a stream, if that was made, before it has said anything."""
        if made.exception() is None and (stream := made.result()).created:
            run = Run(stream.name, stream, self._log, _nothing(), limits=self._limits)
            self._begin(run)
            run.interrupt("The answer was not begun.")
            if self.draining:  # the log may be closed soon
                run.abandon()

    async def stop(self, id: str, reason: str = "stop") -> StreamInfo:
        """Stops a run wherever it lives; a run that has ended stays as it ended.

        Raises NotFound for an id that is no run, StreamGone for one that has expired.
        """
        if not id.startswith(PREFIX):
            raise NotFound("There is no such run.")
        run = self._runs.get(id)
        if run is not None:
            run.stop(reason)
            await run.settled(STOP_SECONDS)
        elif not (await self._log.info(id)).closed:
            await self._lease.take_over(id, RunStopped(reason))
        return await self._log.info(id)

    def get(self, id: str) -> Run | None:
        """A run that is going on in this process."""
        return self._runs.get(id)

    def _done(self, run: Run, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if run.first_token_seconds is not None:
            self.first_token_seconds.append(run.first_token_seconds)
        if self._runs.get(run.id) is not run:  # it was deleted, and its id is another's
            return
        del self._runs[run.id]
        self._lingering.forget(run.id)

    def _closed(self, stream: str) -> None:
        """The hub's word that a stream is closed: not by its run, if that goes on here."""
        run = self._runs.get(stream)
        if run is not None:
            run.lose()

    def _stop_unwatched(self, id: str) -> None:
        """Nobody is waited for any longer."""
        run = self._runs.get(id)
        if run is not None:
            run.stop("disconnect")


async def _nothing() -> AsyncGenerator[AnswerEvent, None]:
    """The source of a run that is over before it begins."""
    return
    yield  # makes it a generator


async def _raising(error: Exception) -> AsyncGenerator[AnswerEvent, None]:
    """The source of a run whose source could not even be made."""
    raise error
    yield  # makes it a generator
