"""Checkpoints of the SQLite log: its write-ahead log flows back into the file.

A checkpoint flushes both files to the disk, which takes from milliseconds to parts of a
second; in the writer's thread, as SQLite would have it, every commit would wait for it.
So a thread of its own does them, and never blocks the writer. Under a load that leaves
no pause such checkpoints never reach the end of the write-ahead log, so beyond
WAL_PAGES the writer does the small rest itself, and the write-ahead log begins anew. A
reader that takes long, such as a backup, keeps it from that; so then it is cut to WAL_BYTES.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

__all__ = ["CHANGES", "WAL_BYTES", "WAL_PAGES", "Checkpoints"]

CHANGES = 2_000  # rows written until the next checkpoint
WAL_PAGES = 16_384  # 64 MiB
WAL_BYTES = 72 << 20  # a little more, so that it is not cut each time

logger = logging.getLogger("tidewire.log")


class Checkpoints:
    """The thread that checkpoints, on connections that ``connect`` makes."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._done_at = 0
        self._due = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="tidewire-checkpoint", daemon=True)
        self._thread.start()

    def seen(self, changes: int) -> None:
        """Takes the number of rows changed since the start, after each commit."""
        if changes - self._done_at >= CHANGES:
            self._done_at = changes
            self._due.set()

    def close(self) -> None:
        self._ending = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while self._due.wait() and not self._ending:
            self._due.clear()
            try:
                with closing(self._connect()) as connection:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as exc:  # if it is serious, appends will tell
                logger.warning("A checkpoint of the log failed.", exc_info=exc)
