"""The connection to a model API: one POST, answered by an event stream.

Owns what is the same for every vendor that streams over HTTP: connecting, the status,
the time to the first event, and turning whatever fails into a ModelError. It knows
nothing of what the events say. It never follows a redirect (the key would travel with
it), never asks for compression (it delays tokens) and never retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp

from tidewire.errors import UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from tidewire.models.connection import Connector, Response
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

    async def open(
        self, body: bytes, *, on_comment: Callable[[str], object] | None = None
    ) -> EventStream:
        """Sends ``body``; gives the events of the answer, the first of them at hand.

        To be given to ``close``. ``on_comment`` is called with each comment when its batch
        of events is read. Raises a ModelError if there is no event stream (or JSON document,
        which is given as a single event), or no event in time.
        """
        limit_seconds = self._settings.first_event_timeout_seconds
        try:
            async with asyncio.timeout(limit_seconds):
                stream = await self._begin(body, on_comment)
        except TimeoutError:
            raise UpstreamTimeout(
                f"The model did not begin to answer within {limit_seconds:g} seconds."
            ) from None
        self._streams.add(stream)
        return stream

    def close(self, stream: EventStream) -> None:
        """Closes the connection of ``stream``, unless the answer was read to its end."""
        self._streams.discard(stream)
        stream.close()

    async def aclose(self) -> None:
        """Closes every connection; answers still being read break off."""
        for stream in self._streams:
            stream.close()  # the session alone would leave their readers waiting
        if self._session is not None:
            await self._session.close()

    async def _begin(self, body: bytes, on_comment: Callable[[str], object] | None) -> EventStream:
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
                connector=Connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
                auto_decompress=False,
                trust_env=self._settings.trust_env,
                read_bufsize=_READ_BUFFER_BYTES,
                response_class=Response,
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
