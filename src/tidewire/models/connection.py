"""aiohttp's connection to a model API, made to hand on what comes at the moment it comes.

aiohttp wakes a task for each piece of a body, and keeps notes for ways of reading that
nobody uses here: half the cost of a chunk. ``pour`` calls a function instead. That goes
by fields which are aiohttp's own; an aiohttp that is built otherwise is used as it is, and
does the same at its own price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

__all__ = ["Connector", "Response", "pour"]

Take = Callable[[bytes], bool]
"""Takes bytes of the body, cut anywhere; True if no more shall come for now. It may raise."""


async def pour(body: aiohttp.StreamReader, take: Take) -> bool:
    """Gives ``take`` what there is of ``body``, then what comes, until it says True.

    Gives True once the body has ended. Raises what ``take`` raises, or the ClientError by
    which the connection broke.
    """
    if isinstance(body, _Body):
        return await body.pour(take)
    while data := await body.readany():
        if take(data):
            return False
    return True


class _Protocol(ResponseHandler):
    """Calls ``on_data`` when something has come. Has no timer for silence, which would be
    set anew for each chunk: models/watch.py sees to that."""

    on_data: Callable[[], None] | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.on_data is not None:
            self.on_data()

    def _reschedule_timeout(self) -> None:
        pass


class _Body(aiohttp.StreamReader):
    """aiohttp's buffer of a body, less the notes of where HTTP's own chunks ended: events
    are cut out of the bytes, whatever chunks those came in. Read in one task."""

    __slots__ = ()
    _protocol: _Protocol

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        self._buffer.append(data)
        self._size += len(data)
        if self._size > self._high_water:
            self._protocol.pause_reading()
        if self._protocol.on_data is None:
            self._wake()
        return False

    def begin_http_chunk_receiving(self) -> None:
        pass

    def end_http_chunk_receiving(self) -> None:
        pass

    async def readany(self) -> bytes:
        while not self._size and not self._eof:
            await self._more(None)
        return self._drained()

    async def pour(self, take: Take) -> bool:
        """See ``pour``."""
        enough = False

        def on_data() -> None:
            nonlocal enough
            waiter = self._waiter
            if not self._size or waiter is None or waiter.done():
                return  # the task is about to see to it
            try:
                enough = take(self._drained())
            except Exception as exc:
                waiter.set_exception(exc)
            else:
                if enough or self._protocol._reading_paused:
                    waiter.set_result(None)

        while not enough:
            if self._size:
                enough = take(self._drained())
            elif self._eof:
                return True
            else:
                await self._more(on_data)
        return False

    async def _more(self, on_data: Callable[[], None] | None) -> None:
        """Waits for bytes, the end or a failure, or for what ``on_data`` has to say."""
        if self._protocol._reading_paused:
            self._protocol.resume_reading()
            if self._size or self._eof:
                return
        if self._exception is not None:
            raise self._exception
        self._waiter = self._loop.create_future()
        self._protocol.on_data = on_data
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._protocol.on_data = None

    def _drained(self) -> bytes:
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


_BODY = {"_buffer", "_eof", "_exception", "_high_water", "_loop", "_protocol", "_size", "_waiter"}
_PROTOCOL = {"_reading_paused", "_reschedule_timeout", "data_received"}
_FITS = _BODY <= {*dir(aiohttp.StreamReader)} and _PROTOCOL <= {*dir(ResponseHandler)}
"""False for an aiohttp that is built otherwise, an older one above all."""


class Response(aiohttp.ClientResponse):
    """A response whose body can be poured, made by a Connector's connection."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        if type(self.content) is aiohttp.StreamReader and isinstance(
            connection.protocol, _Protocol
        ):
            self.content.__class__ = _Body
        return self


class Connector(aiohttp.TCPConnector):
    """Makes such connections, as many as are asked for."""

    def __init__(self) -> None:
        super().__init__(limit=0)  # the limit is in models/turns.py
        if _FITS:
            protocol: type[ResponseHandler] = _Protocol
            self._factory = partial(protocol, loop=asyncio.get_running_loop())
