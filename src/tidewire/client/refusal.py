"""What a server, or the way to it, says when it does not do what it was asked."""

from __future__ import annotations

import json

import aiohttp

from tidewire.errors import ServerRefused

__all__ = ["RETRIED", "describe", "read_refusal"]

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that trying again may mend."""
MAX_ERROR_BYTES = 65_536


async def read_refusal(response: aiohttp.ClientResponse) -> ServerRefused:
    """The server's own words, if they are in our JSON shape."""
    body = await response.content.read(MAX_ERROR_BYTES)
    try:
        error = json.loads(body)["error"]
        message, code = str(error["message"]), str(error["code"])
    except (ValueError, KeyError, TypeError):
        message, code = f"{response.url} answers {response.status} {response.reason}.", None
    after = response.headers.get("Retry-After", "")
    return ServerRefused(
        message,
        status=response.status,
        code=code,
        retry_after_seconds=float(after) if after.isascii() and after.isdigit() else None,
    )


def describe(exc: Exception) -> str:
    """Why a connection was not made, or did not last."""
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"{exc.host}:{exc.port} cannot be reached"
    return "the connection broke"
