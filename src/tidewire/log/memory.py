"""Streams in this process's memory: for tests, trials, and apps that keep nothing.

Nothing survives the process. Same contract and same order of callbacks as the
durable stores: an append takes effect at the end of the loop's turn, as one commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from tidewire.errors import (
    Fenced,
    LogUnavailable,
    StreamClosed,
    StreamGone,
    StreamNotFound,
    TidewireError,
)
from tidewire.log.base import (
    Batch,
    Commit,
    Listener,
    Retention,
    StreamInfo,
    check_name,
    check_owner,
    data_size,
    take_batch,
)
from tidewire.log.pending import Append, Commits, settle, tell
from tidewire.wire.cursor import new_epoch
from tidewire.wire.event import Event

__all__ = ["MemoryLog"]

TOMBSTONE_SECONDS = 7 * 86400.0


class _Stream:
    def __init__(self, name: str, epoch: str, retention: Retention, owner: str | None) -> None:
        self.name = name
        self.epoch = epoch
        self.retention = retention
        self.owner = owner
        self.fence = 1
        self.first = 1
        self.events: list[Event] = []
        self.times: list[float] = []
        self.size = 0
        self.closed_at: float | None = None
        self.keys: dict[str, int] = {}

    @property
    def head(self) -> int:
        return self.first + len(self.events) - 1

    def info(self, *, created: bool = False) -> StreamInfo:
        closed = self.closed_at is not None
        return StreamInfo(self.name, self.epoch, self.first, self.head, closed, self.fence, created)

    def trim(self, now: float) -> None:
        keep = self.retention
        drop = 0
        if keep.max_events is not None and len(self.events) > keep.max_events * 1.1:
            drop = len(self.events) - keep.max_events
        if keep.max_bytes is not None and self.size > keep.max_bytes * 1.1:
            over = self.size - keep.max_bytes
            while over > 0 and drop < len(self.events):
                over -= data_size(self.events[drop])
                drop += 1
        if keep.max_age_seconds is not None:
            while drop < len(self.times) and self.times[drop] < now - keep.max_age_seconds:
                drop += 1
        if drop:
            self.size -= sum(map(data_size, self.events[:drop]))
            del self.events[:drop], self.times[:drop]
            self.first += drop
            self.keys = {key: at for key, at in self.keys.items() if at >= self.first}


class MemoryLog:
    """The contract of log/base.py in memory. ``clock`` gives seconds since the epoch."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.listener: Listener | None = None
        self.failure: str | None = None
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self._by_epoch: dict[str, _Stream] = {}
        self._gone: dict[str, tuple[str, float]] = {}
        """The epoch of each stream that was deleted, and when."""
        self._owners: dict[str, float] = {}
        self._pending: list[Append] = []
        self._closed = False

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._commit()
        self._closed = True

    def create(
        self, name: str, *, retention: Retention | None = None, owner: str | None = None
    ) -> asyncio.Future[StreamInfo]:
        check_name(name)
        if owner is not None:
            check_owner(owner)
        made: asyncio.Future[StreamInfo] = asyncio.get_running_loop().create_future()
        if self._closed:
            settle(made, LogUnavailable("The log is closed."))
        else:
            settle(made, self._create(name, retention, owner))
        return made

    def _create(self, name: str, retention: Retention | None, owner: str | None) -> StreamInfo:
        stream = self._streams.get(name)
        if stream is not None:
            stream.retention = retention or stream.retention
            return stream.info()
        epoch = new_epoch()
        while epoch in self._by_epoch:
            epoch = new_epoch()
        stream = _Stream(name, epoch, retention or Retention(), owner)
        self._streams[name] = self._by_epoch[epoch] = stream
        return stream.info(created=True)

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
        loop = asyncio.get_running_loop()
        entry = Append(name, tuple(events), close, fence, key, epoch, loop.create_future())
        if self._closed:
            settle(entry.future, LogUnavailable("The log is closed."))
            return entry.future
        if not self._pending:
            loop.call_soon(self._commit)
        self._pending.append(entry)
        return entry.future

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        stream = self._find(name, epoch)
        first = max(after + 1, stream.first)
        start = first - stream.first
        return Batch(
            first,
            take_batch(stream.events[start : start + limit]),
            stream.head,
            stream.closed_at is not None,
        )

    async def info(self, name: str | None = None, *, epoch: str | None = None) -> StreamInfo:
        if name is not None:
            return self._find(name).info()
        if epoch in self._by_epoch:
            return self._by_epoch[epoch].info()
        if any(epoch == gone for gone, _ in self._gone.values()):
            raise StreamGone("This stream was deleted.")
        raise StreamNotFound("There is no such stream.")

    async def delete(self, name: str) -> None:
        self._commit()  # what was appended before counts
        stream = self._streams.pop(name, None)
        if stream is not None:
            del self._by_epoch[stream.epoch]
            self._gone[name] = stream.epoch, self._clock()
            tell(self.listener, [Commit.of_deleted(name, stream.epoch)])

    async def streams(self, prefix: str, *, after: str = "", limit: int = 100) -> list[StreamInfo]:
        names = sorted(n for n in self._streams if n.startswith(prefix) and n > after)
        return [self._streams[name].info() for name in names[:limit]]

    async def hold(self, owner: str, seconds: float) -> None:
        check_owner(owner)
        self._owners[owner] = self._clock() + seconds

    async def orphans(self) -> list[str]:
        now = self._clock()
        return [
            stream.name
            for stream in self._streams.values()
            if stream.owner is not None
            and stream.closed_at is None
            and self._owners.get(stream.owner, 0.0) < now
        ]

    async def seize(self, name: str, owner: str) -> int:
        check_owner(owner)
        self._commit()
        stream = self._find(name)
        if stream.closed_at is not None:
            raise StreamClosed("This stream is closed.")
        stream.owner = owner
        stream.fence += 1
        return stream.fence

    async def expire(self, *, closed_before_seconds: float) -> int:
        limit = self._clock() - closed_before_seconds
        old = [
            stream.name
            for stream in self._streams.values()
            if stream.closed_at is not None and stream.closed_at < limit
        ]
        for name in old:
            await self.delete(name)
        for stream in self._streams.values():
            stream.trim(self._clock())
        forget = self._clock() - TOMBSTONE_SECONDS
        self._gone = {name: gone for name, gone in self._gone.items() if gone[1] >= forget}
        return len(old)

    def _find(self, name: str, epoch: str | None = None) -> _Stream:
        stream = self._streams.get(name)
        if stream is not None and epoch in (None, stream.epoch):
            return stream
        if stream is not None or name in self._gone:
            raise StreamGone("This stream was deleted.")
        raise StreamNotFound("There is no such stream.")

    def _commit(self) -> None:
        pending, self._pending = self._pending, []
        commits = Commits()
        results: list[int | Exception] = []
        for entry in pending:
            try:
                results.append(self._store(entry, commits))
            except TidewireError as exc:
                results.append(exc)
        tell(self.listener, commits.take())
        for entry, result in zip(pending, results, strict=True):
            settle(entry.future, result)

    def _store(self, entry: Append, commits: Commits) -> int:
        stream = self._find(entry.name, entry.epoch)
        entry.check()
        if entry.key is not None and entry.key in stream.keys:
            return stream.keys[entry.key]
        if entry.fence is not None and entry.fence != stream.fence:
            raise Fenced("Another process has taken over this stream.")
        if stream.closed_at is not None:
            raise StreamClosed("This stream is closed.")
        now = self._clock()
        if entry.events or entry.close:
            first = stream.head + 1
            commits.add(entry.name, stream.epoch, first, entry.events, closed=entry.close)
        stream.events.extend(entry.events)
        stream.times.extend([now] * len(entry.events))
        stream.size += sum(map(data_size, entry.events))
        if entry.close:
            stream.closed_at = now
        if entry.key is not None:
            stream.keys[entry.key] = stream.head
        stream.trim(now)
        return stream.head
