"""A watch: a viewer on a direct sink, from the head of its response to its end.

The request that brought the viewer returns with the head: its task, and all that its frames
hold, cost several times what a viewer costs (bench/fanout). While the viewer is live it has
no task at all; it is given one for as long as it has to read the log, and again none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tidewire.live.sinks import DirectSink
from tidewire.live.subscription import Subscription

__all__ = ["Watch"]

logger = logging.getLogger("tidewire.live")

_reading: set[asyncio.Task[None]] = set()
"""The loop holds its tasks weakly; nobody waits for these."""


class Watch:
    """Enter it, send the head, ``start`` it, leave it: from then on it goes on by itself.

    Left without a start, nothing remains of it.
    """

    __slots__ = ("_has_started", "_sink", "_viewer")

    def __init__(self, viewer: Subscription, sink: DirectSink) -> None:
        self._viewer = viewer
        self._sink = sink
        self._has_started = False

    def __enter__(self) -> Subscription:
        self._viewer.enter()
        return self._viewer

    def __exit__(self, *exc: object) -> None:
        if not self._has_started:
            self._leave()

    def start(self) -> None:
        """The head is out: the rest of the response is the viewer's."""
        self._has_started = True
        self._sink.keep()
        self._go_on(self._viewer.catch_up)

    def _go_on(self, read: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.get_running_loop().create_task(self._read(read))
        _reading.add(task)
        task.add_done_callback(_has_read)

    async def _read(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except BaseException:  # a connection must not stay open with nobody to serve it
            self._leave()
            self._sink.abort()
            raise
        self._rest()

    def _rest(self) -> None:
        if self._viewer.is_over:
            self._leave()
            self._sink.finish()
        else:
            self._viewer.rest(self._wake)

    def _wake(self) -> None:
        if self._viewer.is_over:
            self._rest()
        else:
            self._go_on(self._viewer.keep_up)

    def _leave(self) -> None:
        self._viewer.leave()
        self._sink.close()


def _has_read(task: asyncio.Task[None]) -> None:
    _reading.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("A viewer could not be served", exc_info=error)
