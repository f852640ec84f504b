"""Publishing to channels: each event once, however often it has to be tried."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from tidewire.client.backoff import Backoff
from tidewire.client.refusal import RETRIED, describe, read_refusal
from tidewire.errors import BadRequest, ServerRefused

__all__ = ["Publisher"]

TIMEOUT_SECONDS = 30.0


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
        max_attempts: int | None = 10,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._server = server.rstrip("/")
        self._headers = dict(headers or {})
        self._max_attempts = max_attempts
        self._on_wait = on_wait
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, headers=self._headers)
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
        backoff = Backoff()
        while True:
            try:
                async with self._session.post(
                    url, data=body, params=query, headers=headers, allow_redirects=False
                ) as response:
                    if response.status != 201:
                        raise await read_refusal(response)
                    return str((await response.json())["cursor"])
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as exc:
                raise BadRequest(f"{self._server} is not an http or https URL.") from exc
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as exc:
                refusal = ServerRefused(f"Gave up: {describe(exc)}.", status=503)
                reason = describe(exc)
            except ServerRefused as exc:
                if exc.status not in RETRIED:
                    raise
                refusal, reason = exc, str(exc).removesuffix(".")
            if self._max_attempts is not None and backoff.attempt + 1 >= self._max_attempts:
                raise refusal
            asked_seconds = refusal.retry_after_seconds or 0.0
            delay = backoff.next_delay(at_least_seconds=asked_seconds)
            if self._on_wait is not None:
                self._on_wait(delay, reason)
            await self._sleep(delay)
