"""What happens inside one SQLite write transaction: synchronous, one thread, one connection.

Owns the rules of an append: fence, key, closed, offsets (what has to go is said in
sqlite_retention.py). Knows nothing of asyncio: sqlite_writer.py calls it in its thread.

The state of streams is cached, so that an append costs one INSERT and no SELECT. The
cache holds only while nobody else writes: ``PRAGMA data_version``, asked inside each
transaction, changes when another connection has committed, and then it is dropped, and
what the other process has appended is read: the hub here hands it out, too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from tidewire.errors import (
    Fenced,
    StreamClosed,
    StreamGone,
    StreamNotFound,
    TidewireError,
)
from tidewire.log.base import Commit, Retention, StreamInfo
from tidewire.log.pending import Append, Commits
from tidewire.log.sqlite_file import QUERIES, roll_back
from tidewire.log.sqlite_retention import Retainer
from tidewire.log.sqlite_streams import StreamState, load_stream
from tidewire.wire.cursor import new_epoch
from tidewire.wire.event import Event

__all__ = ["Store"]

TOMBSTONE_SECONDS = 7 * 86400.0
EXPIRE_STREAMS = 200
EXPIRE_EVENTS = 5_000
KEPT_DELETIONS = 10_000
_MAX_CACHED = 10_000


class Store:
    """The one writer. Every method runs inside a transaction that ``transact`` opened."""

    def __init__(self, connection: sqlite3.Connection, *, clock: Callable[[], float] = time.time):
        self._db = connection
        self._clock = clock
        self._states: dict[str, StreamState] = {}
        self._retainer = Retainer(connection)
        self._version = self._read_version()
        self._seen = self._read_newest()
        self._deleted: list[Commit] = []

    @property
    def changes(self) -> int:
        """How many rows have been changed since the start."""
        return self._db.total_changes

    def transact(self, work: Callable[[], None]) -> list[Commit]:
        """Runs ``work`` in one transaction; if it raises, nothing is stored.

        Gives what other processes have appended since the last one, in order.
        """
        version, seen = self._version, self._seen
        try:
            self._db.execute("BEGIN IMMEDIATE")
            foreign = self._meet_others()
            work()
            self._db.execute("COMMIT")
        except BaseException:
            self._states.clear()
            self._deleted.clear()
            self._retainer.forget()
            self._version, self._seen = version, seen
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
        events, deletions = self._seen
        for id, name, epoch, closed, *event in self._db.execute(QUERIES["events_since"], (events,)):
            offset, type, data = event
            foreign.add(name, epoch, offset, (Event(type, data),), closed=bool(closed))
            self._retainer.note(id, data)
        gone = self._db.execute(QUERIES["deletions_since"], (deletions,)).fetchall()
        self._version = version
        self._seen = self._read_newest()
        return [*(Commit.of_deleted(name, epoch) for name, epoch in gone), *foreign.take()]

    def _read_version(self) -> int:
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _read_newest(self) -> tuple[int, int]:
        """The numbers of the newest event and of the newest deletion."""
        return (
            self._db.execute(QUERIES["last_seq"]).fetchone()[0],
            self._db.execute(QUERIES["last_deletion"]).fetchone()[0],
        )

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
        self._seen = (self._seen[0] + len(rows), self._seen[1])
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
        if entry.epoch is not None and entry.epoch != state.epoch:
            raise StreamGone("This stream was deleted.")
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
        for offset, (type, data) in enumerate(entry.events, first):
            rows.append((state.id, offset, now, type, data))
        state.head += len(entry.events)
        state.closed = entry.close
        if entry.key is not None:
            self._db.execute(QUERIES["insert_key"], (state.id, entry.key, state.head))
        if entry.events or entry.close:
            commits.add(entry.name, state.epoch, first, entry.events, closed=entry.close)
        return state.head

    def _finish(self, state: StreamState, now: float, commit: Commit) -> None:
        """After the events of a commit: the close of their stream, and its retention."""
        if commit.closed:
            self._db.execute(QUERIES["close_stream"], (now, state.id))
        if state.retention is not None:
            self._retainer.trim(state, now, added=commit)

    def _load(self, name: str) -> StreamState:
        state = self._states[name] = load_stream(self._db, name=name)
        return state

    def create(self, name: str, retention: Retention | None, owner: str | None) -> StreamInfo:
        try:
            return self._keep(self._load(name), retention).info()
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

    def _keep(self, state: StreamState, retention: Retention | None) -> StreamState:
        """From now on, only what ``retention`` says."""
        if retention is not None and retention != state.retention:
            kept = msgspec.json.encode(retention).decode()
            self._db.execute(QUERIES["set_retention"], (kept, state.id))
            state.retention = retention
        return state

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
        self._db.execute(QUERIES["insert_deletion"], (name, state.epoch))
        self._seen = (self._seen[0], self._seen[1] + 1)
        self._deleted.append(Commit.of_deleted(name, state.epoch))
        del self._states[name]
        return dropped

    def take_deleted(self) -> list[Commit]:
        """What was deleted since the last call."""
        deleted, self._deleted = self._deleted, []
        return deleted

    def expire(self, closed_before_seconds: float) -> int:
        """Deletes old closed streams, a few at a time so that appends are not held up."""
        now = self._clock()
        expired = self._delete_closed(now - closed_before_seconds)
        self._db.execute(QUERIES["drop_tombstones"], (now - TOMBSTONE_SECONDS,))
        self._db.execute(QUERIES["drop_leases"], (now - TOMBSTONE_SECONDS,))
        self._db.execute(QUERIES["drop_deletions"], (self._seen[1] - KEPT_DELETIONS,))
        return expired

    def trim_aged(self, names: Sequence[str], now: float) -> None:
        """Trims open streams by all their rules."""
        for name in names:
            with suppress(StreamNotFound, StreamGone):  # deleted meanwhile
                self._retainer.trim(self._states.get(name) or self._load(name), now)

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
