"""The file of the SQLite log: connections to it, its schema, and the queries by name."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from tidewire.errors import ConfigError

__all__ = ["QUERIES", "SCHEMA_VERSION", "connect", "migrate", "roll_back"]

SCHEMA_VERSION = 2


def _read_queries() -> dict[str, str]:
    text = files(__package__).joinpath("sqlite_queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


QUERIES = _read_queries()


def connect(
    path: str | Path, *, synchronous: str = "normal", timeout_seconds: float = 5.0
) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun by hand."""
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
        timeout=timeout_seconds,
    )
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the file to SCHEMA_VERSION. Raises ConfigError for a file of the future."""
    _use_wal(connection)
    while (version := read_version(connection)) < SCHEMA_VERSION:
        script = files(__package__).joinpath(f"sqlite_schema_{version + 1}.sql").read_text("utf-8")
        step = f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {version + 1}; COMMIT;"
        try:
            connection.executescript(step)
        except sqlite3.OperationalError:
            roll_back(connection)
            if read_version(connection) == version:  # else another process was faster
                raise
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"The log was written by a newer Tidewire (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Upgrade Tidewire or choose another data directory."
        )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Waits while another process does the same: here SQLite itself heeds no busy time-out."""
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + patience_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = wal")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def read_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def roll_back(connection: sqlite3.Connection) -> None:
    """Leaves the transaction, unless the error that led here has already ended it."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
