"""Streams in one SQLite file: durable, no server needed.

WAL mode. One writer thread owns the only writing connection; while it commits, and for
three milliseconds after, the event loop collects the next batch, so the commit size
adapts to the load; after a rest nothing waits. Reads run beside it on their own
connections, checkpoints in their own thread.

``synchronous`` decides what a power cut may cost. ``"normal"`` (default): everything
acknowledged survives the death of the process and of the operating system's clients;
a power cut or kernel crash may lose the last moments, but never corrupts the file.
``"full"``: every commit is flushed to the disk before it is acknowledged.
(https://www.sqlite.org/pragma.html#pragma_synchronous)

A lease is held by a process in two ways: a time in the file, and a lock on a small
file beside it, which the kernel drops the moment the process dies. So after a restart
the streams of the dead process are orphans at once, not when the time has run out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from tidewire.errors import ConfigError, StreamGone
from tidewire.log.base import (
    Batch,
    Commit,
    Listener,
    Retention,
    StreamInfo,
    check_name,
    check_owner,
    take_batch,
)
from tidewire.log.ownership import OwnerLocks
from tidewire.log.pending import Append, tell
from tidewire.log.sqlite_checkpoints import WAL_BYTES, WAL_PAGES, Checkpoints
from tidewire.log.sqlite_errors import unavailable
from tidewire.log.sqlite_file import QUERIES, connect, migrate
from tidewire.log.sqlite_reader import Readers
from tidewire.log.sqlite_store import Store
from tidewire.log.sqlite_streams import find_aged, list_streams, load_stream
from tidewire.log.sqlite_writer import Call, Writer
from tidewire.wire.event import Event

__all__ = ["SqliteLog"]

TRIM_STREAMS = 50

T = TypeVar("T")

logger = logging.getLogger("tidewire.log")


class SqliteLog:
    """The contract of log/base.py, with leases, in the SQLite file ``path``.

    ``busy_timeout_seconds``: how long a commit waits for another process's.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Literal["normal", "full"] = "normal",
        readers: int = 2,
        busy_timeout_seconds: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.listener: Listener | None = None
        self.failure: str | None = None
        self._path = Path(path)
        self._synchronous = synchronous
        self._busy_timeout_seconds = busy_timeout_seconds
        self._clock = clock
        self._locks = OwnerLocks(Path(f"{path}-owners"))
        self._reading_threads = readers
        self._writing: sqlite3.Connection | None = None

    async def open(self) -> None:
        try:
            self._writing, store = await asyncio.to_thread(self._open)
        except (sqlite3.Error, OSError) as exc:
            logger.error("Cannot open %s: %s", self._path, exc)
            raise unavailable(exc, "opened") from exc
        self._loop = asyncio.get_running_loop()
        self._readers = Readers(self._connect, self._reading_threads)
        self._checkpoints = checkpoints = Checkpoints(self._connect)
        self._writer = Writer(store, self._committed, lambda: checkpoints.seen(store.changes))

    def _open(self) -> tuple[sqlite3.Connection, Store]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # What people ask is private. SQLite gives the files beside it the same mode.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = self._connect()
        try:
            migrate(connection)
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            return connection, Store(connection, clock=self._clock)
        except (sqlite3.Error, ConfigError):
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return connect(
            self._path, synchronous=self._synchronous, timeout_seconds=self._busy_timeout_seconds
        )

    async def close(self) -> None:
        connection, self._writing = self._writing, None
        if connection is not None:
            await self._writer.close()
            await self._readers.close()
            await asyncio.to_thread(self._checkpoints.close)
            connection.close()
            self._locks.release()

    # Writing

    def append(
        self,
        name: str,
        events: Sequence[Event],
        *,
        close: bool = False,
        fence: int | None = None,
        key: str | None = None,
        epoch: str | None = None,
    ) -> asyncio.Future[int]:
        future: asyncio.Future[int] = self._loop.create_future()
        self._writer.submit(Append(name, tuple(events), close, fence, key, epoch, future))
        return future

    def create(
        self, name: str, *, retention: Retention | None = None, owner: str | None = None
    ) -> asyncio.Future[StreamInfo]:
        check_name(name)
        if owner is not None:
            check_owner(owner)
        return self._submit(lambda store: store.create(name, retention, owner))

    async def delete(self, name: str) -> None:
        await self._submit(lambda store: store.delete(name))

    async def hold(self, owner: str, seconds: float) -> None:
        check_owner(owner)
        try:
            self._locks.hold(owner)
        except OSError as exc:
            raise unavailable(exc, "held") from exc
        await self._submit(lambda store: store.hold(owner, seconds))

    async def seize(self, name: str, owner: str) -> int:
        check_owner(owner)
        return await self._submit(lambda store: store.seize(name, owner))

    async def expire(self, *, closed_before_seconds: float) -> int:
        """As in base.py. Events are trimmed by age once no stream is left to delete: what is
        due is found beside the writer, and trimmed in parts."""
        if expired := await self._submit(lambda store: store.expire(closed_before_seconds)):
            return expired
        now = self._clock()
        aged = await self._readers.run(lambda db: find_aged(db, now))
        for first in range(0, len(aged), TRIM_STREAMS):
            part = aged[first : first + TRIM_STREAMS]
            await self._submit(partial(Store.trim_aged, names=part, now=now))
        return 0

    def _submit(self, work: Callable[[Store], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self._writer.submit(Call(work, future))
        return future

    def _committed(self, commits: Sequence[Commit]) -> None:
        self.failure = self._writer.failure
        tell(self.listener, commits)

    # Reading

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        return await self._readers.run(lambda db: _read_batch(db, name, epoch, after, limit))

    async def info(self, name: str | None = None, *, epoch: str | None = None) -> StreamInfo:
        return await self._readers.run(lambda db: load_stream(db, name=name, epoch=epoch).info())

    async def streams(self, prefix: str, *, after: str = "", limit: int = 100) -> list[StreamInfo]:
        return await self._readers.run(lambda db: list_streams(db, prefix, after, limit))

    async def orphans(self) -> list[str]:
        now = self._clock()
        rows = await self._readers.run(lambda db: db.execute(QUERIES["owned_streams"]).fetchall())
        dead = self._locks.dead({owner: until for _, owner, until in rows}, now)
        return [name for name, owner, _ in rows if owner in dead]


def _read_batch(
    db: sqlite3.Connection, name: str, epoch: str | None, after: int, limit: int
) -> Batch:
    state = load_stream(db, name=name)
    if epoch not in (None, state.epoch):
        raise StreamGone("This stream was deleted.")
    after = max(after, state.trimmed)
    rows = db.execute(QUERIES["read_events"], (state.id, after, limit))
    return Batch(after + 1, take_batch(map(Event._make, rows)), state.head, state.closed)
