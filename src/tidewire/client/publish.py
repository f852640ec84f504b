"""Publishing to channels: each event once, however often it has to be tried."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from tidewire.client.call import MAX_ATTEMPTS, TIMEOUT, call
from tidewire.errors import BadRequest

__all__ = ["Publisher"]


class Publisher:
    """Publishes to the channels of ``server``; use it as an async context manager.

    ``max_attempts``: give up after so many tries of one call (None: never). ``on_wait``
    hears of the delay and the reason before each new try.
    """

    def __init__(
        self,
        server: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_attempts: int | None = MAX_ATTEMPTS,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._server = server.rstrip("/")
        self._headers = dict(headers or {})
        self._call = partial(
            call, status=201, max_attempts=max_attempts, on_wait=on_wait, sleep=sleep
        )

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def publish(
        self, channel: str, data: str, *, event: str = "message", key: str | None = None
    ) -> str:
        """One event of a text; gives its cursor.

        ``key``, the Idempotency-Key, is drawn if there is none: a call that is tried
        again is stored once. Raises ServerRefused, or BadRequest for a bad server URL.
        """
        body = data.encode(errors="replace")
        return await self._post(channel, body, "text/plain; charset=utf-8", key, event=event)

    async def publish_json(self, channel: str, body: str, *, key: str | None = None) -> str:
        """An event ``{"event"?, "data"}`` or an array of them, as JSON text, all or none."""
        return await self._post(channel, body.encode(errors="replace"), "application/json", key)

    async def _post(
        self, channel: str, body: bytes, type: str, key: str | None, **query: str
    ) -> str:
        url = f"{self._server}/api/channels/{quote(channel, safe='')}"
        headers = {"Content-Type": type, "Idempotency-Key": key or secrets.token_hex(16)}
        send = partial(
            self._session.post, url, data=body, params=query, headers=headers, allow_redirects=False
        )
        try:
            published = await self._call(send)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as exc:
            raise BadRequest(f"{self._server} is not an http or https URL.") from exc
        return str(published["cursor"])
