"""Retention in the SQLite log: which events of an open stream must go, and their going.

Runs inside a transaction of the store. What a stream holds in bytes is counted along,
other processes' events included; what they trim is not heard of, so the count is only
a reason to look, and the file decides.
"""

from __future__ import annotations

import sqlite3

from tidewire.log.base import Commit, data_size
from tidewire.log.sqlite_file import QUERIES
from tidewire.log.sqlite_streams import StreamState
from tidewire.wire.event import utf8_size

__all__ = ["Retainer"]

_MAX_COUNTED = 10_000


class Retainer:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._sizes: dict[int, int] = {}

    def note(self, stream: int, data: str) -> None:
        """Another process has added ``data`` to a stream."""
        if stream in self._sizes:
            self._sizes[stream] += utf8_size(data)

    def forget(self) -> None:
        """The transaction was rolled back: what was counted may not be so."""
        self._sizes.clear()

    def trim(self, state: StreamState, now: float, *, added: Commit | None = None) -> None:
        """Trims a stream by number and bytes after ``added``, or by all its rules."""
        keep = state.retention
        assert keep is not None
        upto = state.trimmed
        if keep.max_events is not None and state.head - state.trimmed > keep.max_events * 1.1:
            upto = state.head - keep.max_events
        if keep.max_bytes is not None:
            upto = max(upto, self._over_bytes(state, keep.max_bytes, added))
        if keep.max_age_seconds is not None and added is None:
            upto = max(upto, self._over_age(state, now - keep.max_age_seconds))
        if upto > state.trimmed:
            self._db.execute(QUERIES["trim_events"], (state.id, upto))
            self._db.execute(QUERIES["trim_keys"], (state.id, upto))
            self._db.execute(QUERIES["set_trimmed"], (upto, state.id))
            state.trimmed = upto

    def _over_bytes(self, state: StreamState, limit: int, added: Commit | None) -> int:
        """The offset up to which events must go so that at most ``limit`` bytes stay."""
        size = self._sizes.get(state.id)
        if size is not None and added is not None:
            size += sum(map(data_size, added.events))
        if size is None or size > limit * 1.1:
            size = self._db.execute(QUERIES["stream_size"], (state.id,)).fetchone()[0]
        if len(self._sizes) > _MAX_COUNTED:
            self._sizes.clear()
        self._sizes[state.id] = size
        over = size - limit
        if over <= limit * 0.1:
            return state.trimmed
        for offset, size in self._db.execute(QUERIES["sizes_from_start"], (state.id,)):
            over -= size
            if over <= 0:
                return int(offset)
        return state.head

    def _over_age(self, state: StreamState, since: float) -> int:
        """The offset up to which events are older than ``since``."""
        row = self._db.execute(QUERIES["first_since"], (state.id, since)).fetchone()
        return state.head if row is None else int(row[0]) - 1
