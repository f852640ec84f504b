"""Streams in one SQLite file: durable, no server needed.

WAL mode. One writer thread owns the only writing connection; while it commits, the
event loop collects the next batch, so the commit size adapts to the load and no timer
is needed. Reads run beside it on their own connections.

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
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

from tidewire.errors import LogUnavailable, TidewireError
from tidewire.log.base import (
    Batch,
    Commit,
    Listener,
    Retention,
    StreamInfo,
    check_name,
    take_batch,
)
from tidewire.log.ownership import OwnerLocks
from tidewire.log.pending import Append, settle
from tidewire.log.sqlite_store import QUERIES, Store, connect, load_stream, migrate
from tidewire.wire.event import Event

__all__ = ["SqliteLog"]

T = TypeVar("T")


class _Call:
    """Work for the writer that is not an append."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[Store], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future


class SqliteLog:
    """The contract of log/base.py, with leases, in the SQLite file ``path``."""

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Literal["normal", "full"] = "normal",
        readers: int = 2,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.listener: Listener | None = None
        self.failure: str | None = None
        self._path = str(path)
        self._synchronous = synchronous
        self._clock = clock
        self._locks = OwnerLocks(Path(f"{path}-owners"))
        self._pending: list[Append | _Call] = []
        self._busy = False
        self._batches: queue.SimpleQueue[list[Append | _Call] | None] = queue.SimpleQueue()
        self._reading = ThreadPoolExecutor(readers, thread_name_prefix="tidewire-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._open)
        except (sqlite3.Error, OSError) as exc:
            raise LogUnavailable(f"The log {self._path} cannot be opened: {exc}.") from exc
        self._thread = threading.Thread(target=self._write, name="tidewire-write", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect()
        migrate(connection)
        self._store = Store(connection, clock=self._clock)

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self._path, synchronous=self._synchronous)
        self._connections.append(connection)
        return connection

    async def close(self) -> None:
        if self._pending or self._busy:
            await self._submit(lambda store: None)
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reading.shutdown()
        for connection in self._connections:
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
    ) -> asyncio.Future[int]:
        future: asyncio.Future[int] = self._loop.create_future()
        self._enqueue(Append(name, events, close, fence, key, future))
        return future

    async def create(
        self, name: str, *, retention: Retention | None = None, owner: str | None = None
    ) -> StreamInfo:
        check_name(name)
        return await self._submit(lambda store: store.create(name, retention, owner))

    async def delete(self, name: str) -> None:
        await self._submit(lambda store: store.delete(name))

    async def hold(self, owner: str, seconds: float) -> None:
        await self._submit(lambda store: store.hold(owner, seconds))
        self._locks.hold(owner)

    async def seize(self, name: str, owner: str) -> int:
        return await self._submit(lambda store: store.seize(name, owner))

    async def expire(self, *, closed_before_seconds: float) -> int:
        return await self._submit(lambda store: store.expire(closed_before_seconds))

    def _submit(self, work: Callable[[Store], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self._enqueue(_Call(work, future))
        return future

    def _enqueue(self, entry: Append | _Call) -> None:
        self._pending.append(entry)
        if not self._busy:
            # The rest of this turn of the loop joins the commit.
            self._busy = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        batch, self._pending = self._pending, []
        self._batches.put(batch)

    def _write(self) -> None:
        """The writer thread: one batch, one transaction."""
        while (batch := self._batches.get()) is not None:
            outcome = self._transact(batch)
            self._loop.call_soon_threadsafe(self._committed, batch, *outcome)

    def _transact(self, batch: list[Append | _Call]) -> tuple[list[Any], list[Commit], str | None]:
        results: list[Any] = []
        commits: list[Commit] = []
        try:
            self._store.transact(lambda: self._perform(batch, results, commits))
        except TidewireError as exc:
            return [exc] * len(batch), [], str(exc)
        return results, commits, None

    def _perform(
        self, batch: list[Append | _Call], results: list[Any], commits: list[Commit]
    ) -> None:
        """All of a batch in its order; runs of appends go to the store together."""
        start = 0
        for index, entry in enumerate(batch):
            if isinstance(entry, _Call):
                self._perform_appends(batch[start:index], results, commits)
                start = index + 1
                try:
                    results.append(entry.work(self._store))
                except TidewireError as exc:
                    results.append(exc)
        self._perform_appends(batch[start:], results, commits)

    def _perform_appends(
        self, appends: list[Any], results: list[Any], commits: list[Commit]
    ) -> None:
        if appends:
            outcome, added = self._store.append(appends)
            results += outcome
            commits += added

    def _committed(
        self,
        batch: list[Append | _Call],
        results: list[Any],
        commits: list[Commit],
        failure: str | None,
    ) -> None:
        """Back on the loop: the next batch goes first, then the news of this one."""
        self.failure = failure
        if failure is not None:
            self._fail_followers(batch, results)
        if self._pending:
            self._hand_over()
        else:
            self._busy = False
        if commits and self.listener is not None:
            self.listener(commits)
        for entry, result in zip(batch, results, strict=True):
            settle(entry.future, result)

    def _fail_followers(self, batch: list[Append | _Call], results: list[Any]) -> None:
        """Fails the appends that wait, too: their callers do not know yet that the ones
        before failed, and a stream must not get a hole."""
        followers = [entry for entry in self._pending if isinstance(entry, Append)]
        self._pending = [entry for entry in self._pending if isinstance(entry, _Call)]
        batch += followers
        results += [results[0]] * len(followers)

    # Reading

    async def read(self, name: str, after: int = 0, *, limit: int = 512) -> Batch:
        return await self._read(lambda db: _read_batch(db, name, after, limit))

    async def info(self, name: str | None = None, *, epoch: str | None = None) -> StreamInfo:
        return await self._read(lambda db: load_stream(db, name=name, epoch=epoch).info())

    async def orphans(self) -> list[str]:
        now = self._clock()
        rows = await self._read(lambda db: db.execute(QUERIES["owned_streams"]).fetchall())
        owners = {owner: expires_at for _, owner, expires_at in rows}
        dead = {
            owner
            for owner, expires_at in owners.items()
            if expires_at < now or self._locks.is_dead(owner)
        }
        return [name for name, owner, _ in rows if owner in dead]

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._loop.run_in_executor(self._reading, self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if not hasattr(self._local, "connection"):
                self._local.connection = self._connect()
            return query(self._local.connection)
        except sqlite3.Error as exc:
            raise LogUnavailable(f"The log cannot be read: {exc}.") from exc


def _read_batch(db: sqlite3.Connection, name: str, after: int, limit: int) -> Batch:
    db.execute("BEGIN")
    try:
        state = load_stream(db, name=name)
        after = max(after, state.trimmed)
        rows = db.execute(QUERIES["read_events"], (state.id, after, limit))
        events = take_batch(map(Event._make, rows))
    finally:
        db.execute("COMMIT")
    return Batch(after + 1, events, state.head, state.closed)
