"""One request that is no stream, made again while that may help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp

from tidewire.client.backoff import Backoff
from tidewire.client.refusal import RETRIED, describe, read_refusal
from tidewire.errors import ServerRefused

__all__ = ["MAX_ATTEMPTS", "TIMEOUT", "call"]

TIMEOUT = aiohttp.ClientTimeout(total=30.0)
MAX_ATTEMPTS = 10
"""About a minute."""


async def call(
    request: Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]],
    *,
    status: int = 200,
    max_attempts: int | None = MAX_ATTEMPTS,
    on_wait: Callable[[float, str], None] | None = None,
    sleep: Callable[[float], Any] = asyncio.sleep,
) -> Any:
    """The JSON that ``request``, which must bear to be made again, is answered with.

    ``max_attempts``: give up after so many tries (None: never). ``on_wait`` hears of the
    delay and the reason before each new one. Raises ServerRefused then, or for a status
    that trying again cannot mend; aiohttp's own errors for a URL that is none.
    """
    backoff = Backoff()
    while True:
        try:
            async with request() as response:
                if response.status != status or response.content_type != "application/json":
                    raise await read_refusal(response)
                return await response.json()
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as exc:
            refusal = ServerRefused(f"Gave up: {describe(exc)}.", status=503)
            reason = describe(exc)
        except ServerRefused as exc:
            if exc.status not in RETRIED:
                raise
            refusal, reason = exc, str(exc).removesuffix(".")
        if max_attempts is not None and backoff.attempt + 1 >= max_attempts:
            raise refusal
        delay = backoff.next_delay(at_least_seconds=refusal.retry_after_seconds or 0.0)
        if on_wait is not None:
            on_wait(delay, reason)
        await sleep(delay)
