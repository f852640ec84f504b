"""What SQLite and the file system say, in words that are safe for a person to read."""

from __future__ import annotations

import sqlite3

from tidewire.errors import LogUnavailable

__all__ = ["unavailable"]

_CAUSES = {
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another process has locked it",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is damaged",
    sqlite3.SQLITE_READONLY: "its file must not be written",
    sqlite3.SQLITE_PERM: "its file must not be used",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
}


def unavailable(exc: Exception, done: str) -> LogUnavailable:
    """LogUnavailable, caused by ``exc``, because the log could not be ``done``."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code in _CAUSES:
        cause = _CAUSES[code]
    elif isinstance(exc, OSError):
        cause = "its files cannot be used"
    else:
        cause = "the store failed"
    error = LogUnavailable(f"The log cannot be {done}: {cause}.")
    error.__cause__ = exc
    return error
