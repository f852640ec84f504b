"""A model behind a vendor's HTTP API: what is the same whichever vendor it is.

One answer is one POST (models/upstream.py) whose stream goes through a reader of the
vendor's (``<vendor>_reader.py``). Here stand the order of things – a turn, an attempt,
another one if nothing was heard – and the limits that hold for every answer. What a
vendor adds is its URL, its headers, the request's body, and the reader.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from tidewire.errors import ModelError, UpstreamTooLarge
from tidewire.models.answer import Answer, Hear, Hold
from tidewire.models.base import ChatRequest, Finish
from tidewire.models.body import merged
from tidewire.models.event_stream import EventStream
from tidewire.models.reader import StreamReader
from tidewire.models.retry import Retries
from tidewire.models.settings import UpstreamSettings
from tidewire.models.signatures import with_own_signatures
from tidewire.models.turns import Turns
from tidewire.models.upstream import Upstream
from tidewire.models.usage import Meter
from tidewire.wire.parser import ServerSentEvent

__all__ = ["VendorModel"]

S = TypeVar("S", bound=UpstreamSettings)

_TRAILER_SECONDS = 5.0


class VendorModel(ABC, Generic[S]):
    """The base of the adapters. ``sleep`` is how it waits between two attempts."""

    def __init__(
        self,
        name: str,
        settings: S,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.settings = settings
        self._upstream = Upstream(self._url(), self._headers(), settings)
        self._turns = Turns(
            at_once=settings.max_concurrent,
            queue=settings.max_queued,
            wait_seconds=settings.queue_timeout_seconds,
        )
        self._sleep = sleep
        self._rng = random.Random()
        self._closed = False

    @abstractmethod
    def _url(self) -> str: ...

    @abstractmethod
    def _headers(self) -> dict[str, str]: ...

    @abstractmethod
    def _body(self, request: ChatRequest) -> Mapping[str, Any]:
        """The request as the vendor wants it. Raises UpstreamRefused if it cannot be said."""

    @abstractmethod
    def _reader(self) -> StreamReader: ...

    @property
    def model(self) -> str:
        """The model's name upstream."""
        return self.settings.model or self.name

    def answer(self, request: ChatRequest) -> Answer:
        """See Model. Usage is estimated if the vendor sends none."""
        meter = Meter(request)
        return Answer(partial(self._tell, request, meter), meter)

    async def aclose(self) -> None:
        self._closed = True
        await self._upstream.aclose()

    async def _tell(self, request: ChatRequest, meter: Meter, hear: Hear) -> None:
        asked = self._body(with_own_signatures(request, self.name))
        body = msgspec.json.encode(merged(asked, self.settings.body))
        retries = Retries(self.settings.max_retries, self._rng)
        async with self._turns:
            while True:
                attempt = _Attempt(self._reader(), meter, self.settings, hear)
                attempt.reader.signer = self.name
                try:
                    await attempt.tell(self._upstream, body)
                    return
                except ModelError as error:
                    over = attempt.spoke or self._closed
                    pause = None if over else retries.pause_seconds(error)
                    if pause is None:
                        raise
                await self._sleep(pause)


class _Attempt:
    """One request for an answer. ``spoke``: something of the answer was told."""

    def __init__(
        self,
        reader: StreamReader,
        meter: Meter,
        settings: UpstreamSettings,
        hear: Hear,
    ) -> None:
        self.reader = reader
        self.spoke = False
        self._meter = meter
        self._max_bytes = settings.max_answer_bytes
        self._hear = hear
        self._stream: EventStream

    async def tell(self, upstream: Upstream, body: bytes) -> None:
        stream = self._stream = await upstream.open(body, on_comment=self.reader.comment)
        try:
            await self._tell(stream)
            await stream.drain()
        finally:
            upstream.close(stream)

    async def _tell(self, stream: EventStream) -> None:
        reader = self.reader
        try:
            await stream.tell(self._read)
        except ModelError:
            if not reader.complete:  # after the finish reason nothing is lost
                raise
        for event in reader.end():
            self._hear(event)
        usage = reader.usage or self._meter.usage()
        self._meter.add(usage)
        self._hear(usage)
        self._hear(Finish(reader.reason))

    def _read(self, batch: list[ServerSentEvent]) -> Hold:
        reader = self.reader
        hold: Hold = None
        for event in batch:
            for said in reader.feed(event.data):
                self.spoke = True
                self._meter.add(said)
                hold = self._hear(said) or hold
            if reader.terminated:  # what follows would depend on how bytes arrive
                self._stream.leave()
                break
        if self._meter.output_bytes > self._max_bytes:
            raise UpstreamTooLarge("The model's answer is over the size limit.")
        if reader.complete:
            self._stream.hurry(_TRAILER_SECONDS)
        return hold
