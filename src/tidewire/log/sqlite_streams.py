"""A stream as its row in the SQLite log says. Reads only."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from tidewire.errors import StreamGone, StreamNotFound
from tidewire.log.base import Retention, StreamInfo
from tidewire.log.sqlite_file import QUERIES

__all__ = ["StreamState", "find_aged", "list_streams", "load_stream"]


class StreamState:
    """A stream as the writer knows it between two commits."""

    __slots__ = (
        "closed", "deleted", "epoch", "fence", "head", "id", "name", "retention", "trimmed"
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


def list_streams(
    connection: sqlite3.Connection, prefix: str, after: str, limit: int
) -> list[StreamInfo]:
    """As Catalogue.streams in log/base.py."""
    first = max(prefix, after + "\0")  # no name comes between a name and this
    last = prefix + chr(0x10FFFF)
    rows = connection.execute(QUERIES["streams_between"], (first, last, limit))
    return [StreamState(row).info() for row in rows]


def find_aged(connection: sqlite3.Connection, now: float) -> list[str]:
    """Streams whose oldest event is older than they keep it."""
    return [name for (name,) in connection.execute(QUERIES["aged_streams"], (now,))]
