"""The events of one answer, told batch by batch as they come in an HTTP response.

Owns the limits on silence and size, and knows how events are cut out of the bytes – SSE
or NDJSON, by the content type – but nothing of what they say. A chunk costs one call,
one parse and one clock look-up; no task is woken and no timer is made for it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

import aiohttp

from tidewire.errors import (
    ModelError,
    TooLarge,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from tidewire.models.answer import Hold
from tidewire.models.connection import pour
from tidewire.models.lines import LineParser
from tidewire.models.settings import UpstreamSettings
from tidewire.models.watch import Watch
from tidewire.wire.parser import Parser, ServerSentEvent

__all__ = ["CONTENT_TYPES", "EventStream"]

_DOCUMENT = "application/json"
_NDJSON = "application/x-ndjson"
CONTENT_TYPES = ("text/event-stream", _DOCUMENT, _NDJSON)
"""What can be read; a document is given as a single event."""

_DRAIN_SECONDS = 0.25


class _Framing(Protocol):
    """How events are cut out of the bytes: wire/parser.py or models/lines.py."""

    def feed(self, data: bytes) -> list[ServerSentEvent]: ...

    def end(self) -> list[ServerSentEvent] | None: ...


class EventStream:
    """The events of one answer, in the batches in which they arrive."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        settings: UpstreamSettings,
        on_comment: Callable[[str], object] | None = None,
    ) -> None:
        self._response = response
        self._content = response.content
        self._settings = settings
        self._parser = _framing(response.content_type, settings.max_line_bytes, on_comment)
        self._silence_seconds = settings.silence_timeout_seconds
        self._first: list[ServerSentEvent] = []
        self._is_over = False
        self._watch: Watch | None = None

    async def begin(self) -> None:
        """Waits for the first event (or the end); the caller limits the time."""
        if self._response.content_type == _DOCUMENT:
            self._first = [ServerSentEvent("message", await self._document(), "")]
            self._is_over = True
        else:
            last = await self._read(self._take_first)
            self._first = self._first or last

    async def tell(self, hear: Callable[[list[ServerSentEvent]], Hold]) -> None:
        """Calls ``hear`` with each batch, from the first to the end or until ``leave``.

        A batch is empty if only comments came. Raises UpstreamTimeout after too long a
        silence, UpstreamBroken when the connection breaks, UpstreamTooLarge for a line or
        event over its limit, and what ``hear`` raises.
        """
        first, self._first = self._first, []
        hold = hear(first) if first else None
        watch = self._watch = Watch(self._silence_seconds, self._response.close)
        now, parse = asyncio.get_running_loop().time, self._parser.feed

        def take(data: bytes) -> bool:
            nonlocal hold
            watch.waiting_since = now()
            hold = hear(parse(data))
            return hold is not None or self._is_over

        while not self._is_over:
            if hold is not None:
                await asyncio.wait([hold])
            watch.waiting_since = now()
            last = await self._read(take)
            watch.waiting_since = math.inf
            if last:
                hear(last)

    def leave(self) -> None:
        """Nothing of what may follow is to be told."""
        self._is_over = True

    def hurry(self, seconds: float) -> None:
        """From now on the silence borne is at most ``seconds``: only the end is to come."""
        self._silence_seconds = min(seconds, self._silence_seconds)
        if self._watch is not None:
            self._watch.shorten(self._silence_seconds)

    async def drain(self) -> None:
        """After the last event: takes the end of the body, so that the connection is kept."""
        if self._content.at_eof():
            return
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

    async def _read(self, take: Callable[[bytes], bool]) -> list[ServerSentEvent]:
        """Pours the body until ``take`` says True, or to the end: gives what that completes."""
        try:
            if not await pour(self._content, take):
                return []
            self._is_over = True
            return self._parser.end() or []
        except aiohttp.ClientError as exc:
            raise self._failure() from exc
        except TooLarge as exc:
            raise UpstreamTooLarge("The model API sent an event over the size limit.") from exc

    def _take_first(self, data: bytes) -> bool:
        self._first = self._parser.feed(data)
        return bool(self._first)

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


def _framing(content_type: str, limit: int, on_comment: Callable[[str], object] | None) -> _Framing:
    if content_type == _NDJSON:
        return LineParser(max_line_bytes=limit)
    return Parser(max_line_bytes=limit, max_event_bytes=limit, on_comment=on_comment)
