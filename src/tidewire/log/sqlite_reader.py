"""Reading the SQLite log beside its writer: a few threads, a connection for each."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tidewire.errors import LogUnavailable, TidewireError
from tidewire.log.sqlite_errors import unavailable

__all__ = ["Readers"]

T = TypeVar("T")

logger = logging.getLogger("tidewire.log")


class Readers:
    """Runs queries, each in one read transaction, on connections that ``connect`` makes."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], count: int) -> None:
        self._connect = connect
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="tidewire-read")
        self._local = threading.local()
        self._connections: set[sqlite3.Connection] = set()
        self._closed = False

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``query``. Raises LogUnavailable when SQLite fails."""
        if self._closed:
            raise LogUnavailable("The log is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._query, query)

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._connections:
            connection.close()

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")
        except TidewireError:
            raise
        except Exception as exc:
            self._drop_connection()
            error = unavailable(exc, "read")
            logger.warning("%s", error, exc_info=exc)
            raise error from exc

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
            self._connections.add(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _drop_connection(self) -> None:
        """After an error the next query begins with a new connection."""
        connection: sqlite3.Connection | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            self._connections.discard(connection)
            connection.close()
