"""Sinks: the two ways out to a viewer's socket. Both pass the same tests.

``DirectSink`` writes to the transport that our HTTP protocol offers (server/protocol.py):
no task wakes and no queue moves per event. ``AsgiSink`` works under every ASGI server:
a bounded queue and one task that awaits ``send``.

Both say *paused* when a peer falls behind – as soon as its socket is full, or with 64 KiB
in the queue – and close one that takes nothing for 60 s.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from tidewire.live.base import Viewer

__all__ = [
    "EXTENSION",
    "MAX_PENDING_BYTES",
    "STALLED_SECONDS",
    "AsgiSink",
    "DirectSink",
    "DirectTransport",
    "chunk",
    "disconnected",
]

EXTENSION = "tidewire.direct"
"""The ASGI extension in which a server offers a DirectTransport, as ``transport``."""
MAX_PENDING_BYTES = 64 * 1024
STALLED_SECONDS = 60.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class DirectTransport(Protocol):
    """What a server offers a direct sink."""

    def attach(self, sink: DirectSink) -> None:
        """Takes the sink that hears of pause, resume and loss from now on.

        While one is attached, it is paused whenever something is pending.
        """
        ...

    def detach(self) -> None: ...

    @property
    def socket(self) -> int | None:
        """The descriptor of the socket, which does not block; None if it must not be sent to.

        Open until the sink hears of its loss. Only for the time when nothing is pending:
        bytes would overtake others.
        """
        ...

    @property
    def is_answering(self) -> bool:
        """True once the head of the response is on its way: nothing may go before it."""
        ...

    def keep(self) -> None:
        """The response goes on when the app has returned, until ``finish``."""
        ...

    def finish(self) -> None:
        """Ends the response, as the last chunk of the app would."""
        ...

    @property
    def write(self) -> Callable[[bytes], None]:
        """Queues bytes that are framed already; never blocks, never raises."""
        ...

    def pending_bytes(self) -> int:
        """How much of what was written has not left the process."""
        ...

    def abort(self) -> None: ...


def chunk(data: bytes) -> bytes:
    """``data`` as a sink that is ``chunked`` wants it: one HTTP/1.1 chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class DirectSink:
    """Writes to the transport itself, after the response head went out by plain ASGI.

    ``socket`` is for who delivers to many: to send to it goes past the transport, at two
    thirds of the cost (bench/fanout). It is for a sink that is neither paused nor gone, and
    what it does not take is to be written.
    """

    __slots__ = (
        "_timer", "_transport", "chunked", "is_gone", "is_paused", "socket", "viewer", "write",
    )  # fmt: skip

    def __init__(self, transport: DirectTransport) -> None:
        self.viewer: Viewer | None = None
        self.chunked = True
        self.is_paused = False
        self.is_gone = False
        self.write = transport.write
        self.socket = transport.socket
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None
        transport.attach(self)

    def close(self) -> None:
        """Gives the transport back; nothing more is written."""
        self._cancel_timer()
        self._transport.detach()

    @property
    def is_answering(self) -> bool:
        return self._transport.is_answering

    def keep(self) -> None:
        """The response outlives the request; ``finish`` or ``abort`` ends it."""
        self._transport.keep()

    def finish(self) -> None:
        if not self.is_gone:
            self._transport.finish()

    def abort(self) -> None:
        self._transport.abort()

    # What the protocol calls

    def pause(self) -> None:
        self.is_paused = True
        self._expect_progress()
        if self.viewer is not None:
            self.viewer.paused()

    def resume(self) -> None:
        self.is_paused = False
        self._cancel_timer()
        if self.viewer is not None:
            self.viewer.resumed()

    def lose(self) -> None:
        self._cancel_timer()
        if not self.is_gone:
            self.is_gone = True
            # A hub that does not know yet must not reach who has the descriptor next.
            self.write, self.socket = _discard, None
            if self.viewer is not None:
                self.viewer.gone()

    def _expect_progress(self) -> None:
        pending = self._transport.pending_bytes()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(STALLED_SECONDS, self._check_progress, pending)

    def _check_progress(self, before: int) -> None:
        """Closes a peer that has taken nothing; one that reads slowly may go on."""
        if self._transport.pending_bytes() < before:
            self._expect_progress()
        else:
            self._transport.abort()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _discard(data: bytes) -> None:
    """Where writes go when there is nobody any more."""


class AsgiSink:
    """A bounded queue into ``send``; use it as an async context manager.

    Leaving the context sends what is queued, unless the viewer is gone.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self.viewer: Viewer | None = None
        self.chunked = False
        self.is_paused = False
        self.is_gone = False
        self._receive = receive
        self._send = send
        self._queue: deque[bytes] = deque()
        self._pending_bytes = 0
        self._ready = asyncio.Event()
        self._closing = False

    async def __aenter__(self) -> AsgiSink:
        self._watcher = asyncio.create_task(self._watch())
        self._pump = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing = True
        self._ready.set()
        try:
            if exc[0] is None and not self.is_gone:
                await self._pump
        finally:
            for task in (self._pump, self._watcher):
                task.cancel()
            await asyncio.gather(self._pump, self._watcher, return_exceptions=True)

    def write(self, data: bytes) -> None:
        self._queue.append(data)
        self._pending_bytes += len(data)
        self._ready.set()
        if self._pending_bytes > MAX_PENDING_BYTES and not self.is_paused:
            self.is_paused = True
            if self.viewer is not None:
                self.viewer.paused()

    async def _run(self) -> None:
        while not self.is_gone:
            while self._queue:
                await self._send_queued()
            if self._closing:
                return
            self._ready.clear()
            await self._ready.wait()

    async def _send_queued(self) -> None:
        body = b"".join(self._queue)
        self._queue.clear()
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
        except Exception:  # stalled, or gone: servers say that by errors of their own
            self._lose()
            return
        self._pending_bytes -= len(body)
        if self.is_paused and self._pending_bytes <= MAX_PENDING_BYTES // 4:
            self.is_paused = False
            if self.viewer is not None:
                self.viewer.resumed()

    async def _watch(self) -> None:
        await disconnected(self._receive)
        self._lose()

    def _lose(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            self._ready.set()
            if self.viewer is not None:
                self.viewer.gone()


async def disconnected(receive: Receive) -> None:
    """Returns when the other side has left; what it still sends is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass
