"""Recording: one request, and its answer written down as it arrives.

Every chunk is in the file before the next one is read, so that what was recorded is
kept however it ends. No redirect is followed, and nothing is decompressed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import aiohttp

from tidewire.errors import ConfigError, UpstreamUnreachable
from tidewire.mock.recording import COMPLETE, Chunk, Ending, Head, kept_headers, line, safe_url

__all__ = ["Recorded", "record"]


_CONNECT_SECONDS = 30.0


class Recorded(NamedTuple):
    """What has been written: ``how`` it ended as in Ending."""

    status: int
    chunks: int
    bytes: int
    seconds: float
    how: str


async def record(
    url: str,
    out: Path,
    *,
    method: str = "GET",
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Recorded:
    """Asks ``url`` and writes its answer to ``out``, until it ends, breaks or is cancelled.

    Raises UpstreamUnreachable if there is no answer, ConfigError if the URL or the file
    cannot be used; then nothing is written.
    """
    started = clock()

    def now() -> float:
        return round(clock() - started, 6)

    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
        await _ask(session, method, url, data, headers or {}) as response,
    ):
        kept = kept_headers(response.headers.items())
        head = Head(now(), method, safe_url(url), response.status, kept)
        with _opened(out) as file:
            file.write(line(head))
            return await _write(response, file, now)


async def _ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    data: bytes | None,
    headers: Mapping[str, str],
) -> aiohttp.ClientResponse:
    asked = {"Accept-Encoding": "identity", **headers}
    try:
        return await session.request(method, url, data=data, headers=asked, allow_redirects=False)
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as exc:
        raise ConfigError("The URL or a header cannot be sent.") from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise UpstreamUnreachable(f"{safe_url(url)} cannot be reached.") from exc


def _opened(out: Path) -> BinaryIO:
    try:
        return out.open("wb")
    except OSError as exc:
        raise ConfigError(f"{out} cannot be written.") from exc


async def _write(
    response: aiohttp.ClientResponse, file: BinaryIO, now: Callable[[], float]
) -> Recorded:
    chunks = size = 0
    how = "stopped"
    try:
        async for data in response.content.iter_any():
            file.write(line(Chunk.of(now(), data)))
            file.flush()
            chunks, size = chunks + 1, size + len(data)
        how = COMPLETE
    except (aiohttp.ClientError, OSError):
        how = "broken"
    finally:
        ended = now()
        file.write(line(Ending(ended, how)))
    return Recorded(response.status, chunks, size, ended, how)
