"""A log and sinks that do as told: every order of events can be played."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from tidewire.live.base import Viewer
from tidewire.log.base import Batch, Commit, Listener, StreamInfo, take_batch
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event


class ScriptedLog(MemoryLog):
    """One stream ``s``. Commits are stored at once, and heard of when ``deliver`` is called.

    With ``holds_reads``, a read takes place when ``serve`` says so, and its caller gets
    it when ``release`` says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch = "epoch1"
        self.events: list[Event] = []
        self.closed = False
        self.holds_reads = False
        self.reads: deque[_Read] = deque()
        self.served: deque[_Read] = deque()
        self._untold: deque[Commit] = deque()

    @property
    def stream(self) -> StreamInfo:
        return StreamInfo("s", self.epoch, 1, len(self.events), self.closed, 1)

    @property
    def untold(self) -> int:
        return len(self._untold)

    def commit(self, events: Sequence[Event], *, close: bool = False) -> None:
        self._untold.append(Commit("s", len(self.events) + 1, events, close, self.epoch))
        self.events.extend(events)
        self.closed = close

    def deliver(self) -> None:
        listener: Listener | None = self.listener
        assert listener is not None
        listener([self._untold.popleft()])

    def miss(self) -> None:
        """The hub never hears of the next commit."""
        self._untold.popleft()

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        read = _Read(after, limit)
        if not self.holds_reads:
            self._serve(read)
            return read.batch
        self.reads.append(read)
        await read.released
        return read.batch

    def serve(self) -> None:
        """The oldest read takes place."""
        read = self.reads.popleft()
        self._serve(read)
        self.served.append(read)

    def release(self) -> None:
        """The reader of the oldest read that took place gets what it read."""
        released = self.served.popleft().released
        if not released.done():
            released.set_result(None)

    def _serve(self, read: _Read) -> None:
        events = take_batch(self.events[read.after : read.after + read.limit])
        read.batch = Batch(read.after + 1, events, len(self.events), self.closed)


class _Read:
    batch: Batch

    def __init__(self, after: int, limit: int) -> None:
        self.after = after
        self.limit = limit
        self.released: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class ScriptedSink:
    """Keeps what is written; says *paused* after ``room`` bytes, if told so."""

    def __init__(self, *, chunked: bool = False, room: int | None = None) -> None:
        self.viewer: Viewer | None = None
        self.chunked = chunked
        self.is_paused = False
        self.is_gone = False
        self.writes: list[bytes] = []
        self._room = room
        self._pending = 0

    def write(self, data: bytes) -> None:
        assert not self.is_gone, "a write to nobody"
        self.writes.append(data)
        self._pending += len(data)
        if self._room is not None and self._pending > self._room:
            self.pause()

    def pause(self) -> None:
        if not self.is_paused:
            self.is_paused = True
            if self.viewer is not None:
                self.viewer.paused()

    def resume(self, *, room: int | None = None) -> None:
        self._room, self._pending = room, 0
        if self.is_paused:
            self.is_paused = False
            if self.viewer is not None:
                self.viewer.resumed()

    def leave(self) -> None:
        self.is_gone = True
        if self.viewer is not None:
            self.viewer.gone()


async def turns(count: int = 12) -> None:
    """Lets everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)
