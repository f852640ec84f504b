"""What happens inside one SQLite write transaction: synchronous, one thread, one connection.

Owns the rules of an append (fence, key, closed, offsets) and of retention. Knows
nothing of asyncio: sqlite.py calls it from the writer thread.

The state of streams is cached, so that an append costs one INSERT and no SELECT. The
cache holds only while nobody else writes: ``PRAGMA data_version``, asked inside each
transaction, changes when another connection has committed, and then it is dropped, and
what the other process has appended is read: the hub here hands it out, too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tidewire.errors import (
    Fenced,
    StreamClosed,
    StreamGone,
    StreamNotFound,
    TidewireError,
)
from tidewire.log.base import Commit, Retention, StreamInfo, data_size
from tidewire.log.pending import Append, Commits
from tidewire.log.sqlite_file import QUERIES, roll_back
from tidewire.wire.cursor import new_epoch
from tidewire.wire.event import Event

__all__ = ["Store", "StreamState", "load_stream"]

TOMBSTONE_SECONDS = 7 * 86400.0
EXPIRE_STREAMS = 200
EXPIRE_EVENTS = 5_000
_MAX_CACHED = 10_000


class StreamState:
    """A stream as the writer knows it between two commits."""

    __slots__ = (
        "closed", "deleted", "epoch", "fence", "head", "id", "name", "retention", "size", "trimmed"
    )  # fmt: skip

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.id: int
        self.name: str
        self.epoch: str
        self.trimmed: int
        self.fence: int
        self.head: int
        self.id, self.name, self.epoch, self.trimmed, self.fence = row[:5]
        closed_at, deleted_at, retention, self.head = row[5:]
        self.closed = closed_at is not None
        self.deleted = deleted_at is not None
        self.retention = msgspec.json.decode(retention, type=Retention) if retention else None
        self.size: int | None = None  # bytes of data, once somebody needs to know

    def info(self, *, created: bool = False) -> StreamInfo:
        return StreamInfo(
            self.name, self.epoch, self.trimmed + 1, self.head, self.closed, self.fence, created
        )


def load_stream(
    connection: sqlite3.Connection, *, name: str | None = None, epoch: str | None = None
) -> StreamState:
    """A stream that can be read. Raises StreamNotFound, StreamGone."""
    query, value = ("stream_by_name", name) if name is not None else ("stream_by_epoch", epoch)
    try:
        row = connection.execute(QUERIES[query], (value,)).fetchone()
    except UnicodeEncodeError:  # a lone surrogate: no stream is called that
        row = None
    if row is None:
        raise StreamNotFound("There is no such stream.")
    state = StreamState(row)
    if state.deleted:
        raise StreamGone("This stream was deleted.")
    return state


class Store:
    """The one writer. Every method runs inside a transaction that ``transact`` opened."""

    def __init__(self, connection: sqlite3.Connection, *, clock: Callable[[], float] = time.time):
        self._db = connection
        self._clock = clock
        self._states: dict[str, StreamState] = {}
        self._version = self._read_version()
        self._last_seq = self._read_last_seq()

    @property
    def changes(self) -> int:
        """How many rows have been changed since the start."""
        return self._db.total_changes

    def transact(self, work: Callable[[], None]) -> list[Commit]:
        """Runs ``work`` in one transaction; if it raises, nothing is stored.

        Gives what other processes have appended since the last one, in order.
        """
        version, last_seq = self._version, self._last_seq
        try:
            self._db.execute("BEGIN IMMEDIATE")
            foreign = self._meet_others()
            work()
            self._db.execute("COMMIT")
        except BaseException:
            self._states.clear()
            self._version, self._last_seq = version, last_seq
            roll_back(self._db)
            raise
        return foreign

    @property
    def is_behind(self) -> bool:
        """True if another process has written since the last transaction."""
        return self._read_version() != self._version

    def _meet_others(self) -> list[Commit]:
        version = self._read_version()
        if version == self._version and len(self._states) <= _MAX_CACHED:
            return []
        self._states.clear()
        foreign = Commits()
        rows = self._db.execute(QUERIES["events_since"], (self._last_seq,)).fetchall()
        for name, offset, type, data, closed in rows:
            foreign.add_event(name, offset, Event(type, data), closed=bool(closed))
        self._version = version
        self._last_seq = self._read_last_seq()
        return foreign.take()

    def _read_version(self) -> int:
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _read_last_seq(self) -> int:
        seq: int = self._db.execute(QUERIES["last_seq"]).fetchone()[0]
        return seq

    def append(self, appends: Sequence[Append]) -> tuple[list[int | Exception], list[Commit]]:
        """Stores appends in order: a result for each, and one Commit per stream."""
        now = self._clock()
        rows: list[tuple[int, int, float, str, str]] = []
        commits = Commits()
        results: list[int | Exception] = []
        for entry in appends:
            try:
                results.append(self._append_one(entry, now, rows, commits))
            except TidewireError as exc:
                results.append(exc)
        self._db.executemany(QUERIES["insert_event"], rows)
        self._last_seq += len(rows)
        added = commits.take()
        for commit in added:
            self._finish(self._states[commit.stream], now, commit)
        return results, added

    def _append_one(
        self,
        entry: Append,
        now: float,
        rows: list[tuple[int, int, float, str, str]],
        commits: Commits,
    ) -> int:
        state = self._states.get(entry.name) or self._load(entry.name)
        entry.check()
        if entry.key is not None:
            seen = self._db.execute(QUERIES["find_key"], (state.id, entry.key)).fetchone()
            if seen is not None:
                return int(seen[0])
        if entry.fence is not None and entry.fence != state.fence:
            raise Fenced("Another process has taken over this stream.")
        if state.closed:
            raise StreamClosed("This stream is closed.")
        first = state.head + 1
        rows += [
            (state.id, offset, now, type, data)
            for offset, (type, data) in enumerate(entry.events, first)
        ]
        state.head += len(entry.events)
        state.closed = entry.close
        if entry.key is not None:
            self._db.execute(QUERIES["insert_key"], (state.id, entry.key, state.head))
        commits.add(first, entry)
        return state.head

    def _finish(self, state: StreamState, now: float, commit: Commit) -> None:
        """After the events of a commit: the close of their stream, and its retention."""
        if commit.closed:
            self._db.execute(QUERIES["close_stream"], (now, state.id))
        if state.retention is not None:
            self._trim(state, now, added=commit)

    def _load(self, name: str) -> StreamState:
        state = self._states[name] = load_stream(self._db, name=name)
        return state

    def create(self, name: str, retention: Retention | None, owner: str | None) -> StreamInfo:
        try:
            return self._load(name).info()
        except StreamGone:
            self._db.execute(QUERIES["delete_tombstone"], (name,))
        except StreamNotFound:
            pass
        kept = msgspec.json.encode(retention).decode() if retention is not None else None
        while True:
            values = (name, new_epoch(), owner, kept, self._clock())
            try:
                self._db.execute(QUERIES["insert_stream"], values)
            except sqlite3.IntegrityError:  # the epoch is taken: draw another
                continue
            return self._load(name).info(created=True)

    def delete(self, name: str) -> int:
        """Gives the number of events that went with the stream."""
        try:
            state = self._load(name)
        except (StreamNotFound, StreamGone):
            return 0
        now = self._clock()
        dropped = self._db.execute(QUERIES["drop_events"], (state.id,)).rowcount
        self._db.execute(QUERIES["drop_keys"], (state.id,))
        self._db.execute(QUERIES["bury_stream"], (now, state.head, now, state.id))
        del self._states[name]
        return dropped

    def expire(self, closed_before_seconds: float) -> int:
        """Deletes old closed streams, a few at a time so that appends are not held up."""
        now = self._clock()
        expired = self._delete_closed(now - closed_before_seconds)
        for (name,) in self._db.execute(QUERIES["aged_streams"]).fetchall():
            self._trim(self._load(name), now)
        self._db.execute(QUERIES["drop_tombstones"], (now - TOMBSTONE_SECONDS,))
        self._db.execute(QUERIES["drop_leases"], (now - TOMBSTONE_SECONDS,))
        return expired

    def _delete_closed(self, before: float) -> int:
        rows = self._db.execute(QUERIES["closed_streams"], (before, EXPIRE_STREAMS)).fetchall()
        dropped = 0
        for count, (name,) in enumerate(rows, 1):
            dropped += self.delete(name)
            if dropped >= EXPIRE_EVENTS:
                return count
        return len(rows)

    def hold(self, owner: str, seconds: float) -> None:
        self._db.execute(QUERIES["hold_lease"], (owner, self._clock() + seconds))

    def seize(self, name: str, owner: str) -> int:
        state = self._load(name)
        if state.closed:
            raise StreamClosed("This stream is closed.")
        self._db.execute(QUERIES["seize_stream"], (owner, state.id))
        state.fence += 1
        return state.fence

    def _trim(self, state: StreamState, now: float, *, added: Commit | None = None) -> None:
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
            state.size = None

    def _over_bytes(self, state: StreamState, limit: int, added: Commit | None) -> int:
        """The offset up to which events must go so that at most ``limit`` bytes stay."""
        if state.size is None:
            state.size = self._db.execute(QUERIES["stream_size"], (state.id,)).fetchone()[0]
        elif added is not None:
            state.size += sum(map(data_size, added.events))
        over = state.size - limit
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
