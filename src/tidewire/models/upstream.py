"""The connection to a model API: one POST, its event stream read batch by batch.

Owns what is the same for every vendor that streams over HTTP: connecting, the status,
time limits, size limits, and turning whatever fails into a ModelError. It knows SSE and
nothing of what the events say. It never follows a redirect (the key would travel with
it), never asks for compression (it delays tokens) and never retries.

A chunk costs one read, one parse and one clock look-up; no timer is made per read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tidewire.errors import (
    ModelError,
    TooLarge,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from tidewire.models.refusal import refusal, safe_text
from tidewire.models.watch import Watch
from tidewire.wire.parser import Parser, ServerSentEvent

__all__ = ["EventStream", "Upstream", "UpstreamSettings"]

_MAX_ERROR_BYTES = 65_536
_ERROR_BODY_SECONDS = 5.0
_DRAIN_SECONDS = 0.25
_READ_BUFFER_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """How to reach a model API, and how long and how much to bear from it.

    ``first_event_timeout_seconds`` runs from the request to the first event, comments
    not counted; ``silence_timeout_seconds`` is the longest pause after that, in which
    not a byte comes. ``max_connections`` 0 means no limit.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    model: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    connect_timeout_seconds: float = 10.0
    first_event_timeout_seconds: float = 120.0
    silence_timeout_seconds: float = 60.0
    max_line_bytes: int = 1_048_576
    max_answer_bytes: int = 16_777_216
    max_connections: int = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a message, even if the vendor quotes it."""
        return (self.api_key, *self.headers.values())


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
    async def stream(self, body: bytes) -> AsyncGenerator[EventStream, None]:
        """Sends ``body`` and gives the events of the answer, the first of them at hand.

        Leaving the context closes the connection unless the answer was read to its
        end. Raises a ModelError if there is no event stream (or JSON document, which
        is given as a single event), or no event in time.
        """
        limit_seconds = self._settings.first_event_timeout_seconds
        try:
            async with asyncio.timeout(limit_seconds):
                stream = await self._open(body)
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

    async def _open(self, body: bytes) -> EventStream:
        response = await self._post(body)
        try:
            await self._check_head(response)
            stream = EventStream(response, self._settings)
            await stream.begin()
        except BaseException:
            response.close()
            raise
        return stream

    async def _post(self, body: bytes) -> aiohttp.ClientResponse:
        try:
            return await self._connected().post(
                self._url, data=body, headers=self._headers, allow_redirects=False
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
                connector=_Connector(limit=self._settings.max_connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER_BYTES,
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
        if response.content_type not in ("text/event-stream", "application/json"):
            kind = safe_text(response.content_type)
            raise UpstreamBroken(f"The model API answered with {kind}, not with an event stream.")


class _Protocol(ResponseHandler):
    """aiohttp's connection, less what it does at every read to resume what never paused:
    an empty parse, and an exception inside uvloop. That was a fifth of a chunk's cost."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)


class _Connector(aiohttp.TCPConnector):
    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        protocol: type[ResponseHandler] = _Protocol
        self._factory = partial(protocol, loop=self._loop)


class EventStream:
    """The events of one answer, in the batches in which they arrive."""

    def __init__(self, response: aiohttp.ClientResponse, settings: UpstreamSettings) -> None:
        self._response = response
        self._content = response.content
        self._settings = settings
        self._parser = Parser(
            max_line_bytes=settings.max_line_bytes, max_event_bytes=settings.max_line_bytes
        )
        self._silence_seconds = settings.silence_timeout_seconds
        self._first: list[ServerSentEvent] | None = []
        self._watch: Watch | None = None

    async def begin(self) -> None:
        """Waits for the first event (or the end); the caller limits the time."""
        if self._response.content_type == "application/json":
            self._first = [ServerSentEvent("message", await self._document(), "")]
            return
        while self._first == []:
            self._first = await self._next_batch()

    async def read(self) -> list[ServerSentEvent] | None:
        """The next events, none of them if only comments came; None at the end.

        Raises UpstreamTimeout after too long a silence, UpstreamBroken when the
        connection breaks, UpstreamTooLarge for a line or event over its limit.
        """
        if self._first:
            first, self._first = self._first, []
            return first
        if self._first is None:
            return None
        if self._watch is None:
            self._watch = Watch(self._silence_seconds, self._response.close)
        self._watch.begin()
        batch = await self._next_batch()
        self._watch.pause()
        return batch

    def hurry(self, seconds: float) -> None:
        """From now on the silence borne is at most ``seconds``: only the end is to come."""
        self._silence_seconds = min(seconds, self._silence_seconds)
        if self._watch is not None:
            self._watch.shorten(self._silence_seconds)

    async def drain(self) -> None:
        """After the last event: takes the end of the body, so that the connection is kept."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._content.readany():
                    pass
        except (aiohttp.ClientError, TimeoutError):
            pass

    def close(self) -> None:
        """Gives the connection back if the answer was read to its end, else closes it."""
        if self._watch is not None:
            self._watch.stop()
        self._response.close()

    async def _next_batch(self) -> list[ServerSentEvent] | None:
        try:
            data = await self._content.readany()
            if data:
                return self._parser.feed(data)
            self._parser.end()
            return None
        except aiohttp.ClientError as exc:
            raise self._failure() from exc
        except TooLarge as exc:
            raise UpstreamTooLarge("The model API sent an event over the size limit.") from exc

    async def _document(self) -> str:
        body = bytearray()
        try:
            while data := await self._content.readany():
                body += data
                if len(body) > self._settings.max_answer_bytes:
                    raise UpstreamTooLarge("The model API sent an answer over the size limit.")
        except aiohttp.ClientError as exc:
            raise self._failure() from exc
        return body.decode(errors="replace")

    def _failure(self) -> ModelError:
        if self._watch is not None and self._watch.expired:
            return UpstreamTimeout("The model fell silent in the middle of its answer.")
        return UpstreamBroken("The connection to the model broke in the middle of its answer.")


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
