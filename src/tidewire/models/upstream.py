"""The connection to a model API: one POST, answered by an event stream.

Owns what is the same for every vendor that streams over HTTP: connecting, the status,
the time to the first event, and turning whatever fails into a ModelError. It knows
nothing of what the events say. It never follows a redirect (the key would travel with
it), never asks for compression (it delays tokens) and never retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from tidewire.errors import UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from tidewire.models.event_stream import CONTENT_TYPES, EventStream
from tidewire.models.refusal import refusal, safe_text
from tidewire.models.settings import UpstreamSettings

__all__ = ["Upstream"]

_MAX_ERROR_BYTES = 65_536
_ERROR_BODY_SECONDS = 1.0  # the caller's status line waits for two
_READ_BUFFER_BYTES = 65_536


class Upstream:
    """The connections to one model API, kept alive between answers."""

    def __init__(self, url: str, headers: dict[str, str], settings: UpstreamSettings) -> None:
        self._url = url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            **headers,
            **settings.headers,
        }
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[EventStream] = set()

    @asynccontextmanager
    async def stream(
        self, body: bytes, *, on_comment: Callable[[str], object] | None = None
    ) -> AsyncGenerator[EventStream, None]:
        """Sends ``body`` and gives the events of the answer, the first of them at hand.

        ``on_comment`` is called with each comment when its batch of events is read.
        Leaving the context closes the connection unless the answer was read to its
        end. Raises a ModelError if there is no event stream (or JSON document, which
        is given as a single event), or no event in time.
        """
        limit_seconds = self._settings.first_event_timeout_seconds
        try:
            async with asyncio.timeout(limit_seconds):
                stream = await self._open(body, on_comment)
        except TimeoutError:
            raise UpstreamTimeout(
                f"The model did not begin to answer within {limit_seconds:g} seconds."
            ) from None
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            stream.close()

    async def aclose(self) -> None:
        """Closes every connection; answers still being read break off."""
        for stream in self._streams:
            stream.close()  # the session alone would leave their readers waiting
        if self._session is not None:
            await self._session.close()

    async def _open(self, body: bytes, on_comment: Callable[[str], object] | None) -> EventStream:
        response = await self._post(body)
        try:
            await self._check_head(response)
            stream = EventStream(response, self._settings, on_comment)
            await stream.begin()
        except BaseException:
            response.close()
            raise
        return stream

    async def _post(self, body: bytes) -> aiohttp.ClientResponse:
        try:
            return await self._connected().post(
                self._url,
                data=body,
                headers=self._headers,
                allow_redirects=False,
                proxy=self._settings.proxy or None,
            )
        except aiohttp.ServerTimeoutError as exc:
            raise UpstreamUnreachable("The model API took too long to connect to.") from exc
        except aiohttp.ClientConnectionError as exc:
            raise UpstreamUnreachable("The model API cannot be reached.") from exc
        except aiohttp.ClientError as exc:
            raise UpstreamBroken("The model API did not answer in HTTP.") from exc

    def _connected(self) -> aiohttp.ClientSession:
        """The session; made at the first use, because it belongs to the running loop."""
        if self._session is None:
            connect_seconds = self._settings.connect_timeout_seconds
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=0),  # the limit is in models/turns.py
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
                auto_decompress=False,
                trust_env=self._settings.trust_env,
                read_bufsize=_READ_BUFFER_BYTES,
                response_class=_Response,
            )
        return self._session

    async def _check_head(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            raise refusal(
                response.status,
                await _error_body(response),
                retry_after=response.headers.get("Retry-After"),
                now=datetime.now(UTC),
                secrets=self._settings.secrets,
            )
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise UpstreamBroken("The model API compressed its answer, which was not asked for.")
        if response.content_type not in CONTENT_TYPES:
            kind = safe_text(response.content_type)
            raise UpstreamBroken(f"The model API answered with {kind}, not with an event stream.")


class _Protocol(ResponseHandler):
    """aiohttp's connection, less what it does at every read to resume what never paused:
    an empty parse, and an exception inside uvloop. That was a fifth of a chunk's cost. Nor
    has it a timer for silence: models/watch.py sees to that."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def _reschedule_timeout(self) -> None:
        pass


class _Body(aiohttp.StreamReader):
    """aiohttp's buffer of a body, less the notes of where HTTP's own chunks ended: events
    are cut out of the bytes, whatever chunks those came in. Read by ``readany`` alone, in
    one task."""

    __slots__ = ()

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        self._buffer.append(data)
        self._size += len(data)
        if (waiter := self._waiter) is not None and not waiter.done():
            waiter.set_result(None)
        if self._size > self._high_water:
            self._protocol.pause_reading()
        return False

    def begin_http_chunk_receiving(self) -> None:
        pass

    def end_http_chunk_receiving(self) -> None:
        pass

    async def readany(self) -> bytes:
        if self._exception is not None:
            raise self._exception
        while not self._size and not self._eof:
            waiter = self._waiter = self._loop.create_future()
            await waiter
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        self._protocol.resume_reading()
        return data


_BODY = {"_buffer", "_eof", "_exception", "_high_water", "_loop", "_protocol", "_size", "_waiter"}
_PROTOCOL = {"_buffer_paused", "_reading_paused", "_reschedule_timeout", "resume_reading"}
_FITS = _BODY <= {*dir(aiohttp.StreamReader)} and _PROTOCOL <= {*dir(ResponseHandler)}
"""False for an aiohttp that is built otherwise, an older one above all: it is used as it is."""


class _Response(aiohttp.ClientResponse):
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        if _FITS and type(self.content) is aiohttp.StreamReader:
            self.content.__class__ = _Body
        return self


class _Connector(aiohttp.TCPConnector):
    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        if _FITS:
            protocol: type[ResponseHandler] = _Protocol
            self._factory = partial(protocol, loop=asyncio.get_running_loop())


async def _error_body(response: aiohttp.ClientResponse) -> bytes:
    """What comes of the body in a short time; the status is what matters."""
    body = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_SECONDS):
            while len(body) < _MAX_ERROR_BYTES and (data := await response.content.readany()):
                body += data
    except (aiohttp.ClientError, TimeoutError):
        pass
    return bytes(body)
