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
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import msgspec

from tidewire.answers.events import AnswerEvent
from tidewire.errors import ModelError, UpstreamTooLarge
from tidewire.models.base import ChatRequest, Finish
from tidewire.models.body import merged
from tidewire.models.reader import StreamReader
from tidewire.models.retry import Retries
from tidewire.models.settings import UpstreamSettings
from tidewire.models.signatures import with_own_signatures
from tidewire.models.turns import Turns
from tidewire.models.upstream import Upstream
from tidewire.models.usage import Meter

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

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """See Model. Usage is estimated if the vendor sends none."""
        asked = self._body(with_own_signatures(request, self.name))
        body = msgspec.json.encode(merged(asked, self.settings.body))
        retries = Retries(self.settings.max_retries, self._rng)
        async with self._turns.turn():
            while True:
                spoke = False
                try:
                    async with aclosing(self._attempt(body, Meter(request))) as events:
                        async for event in events:
                            spoke = True
                            yield event
                    return
                except ModelError as error:
                    pause = None if spoke or self._closed else retries.pause_seconds(error)
                    if pause is None:
                        raise
                await self._sleep(pause)

    async def aclose(self) -> None:
        self._closed = True
        await self._upstream.aclose()

    async def _attempt(self, body: bytes, meter: Meter) -> AsyncGenerator[AnswerEvent, None]:
        reader = self._reader()
        reader.signer = self.name
        async with self._upstream.stream(body, on_comment=reader.comment) as stream:
            try:
                while not reader.terminated and (batch := await stream.read()) is not None:
                    for event in batch:
                        if reader.terminated:  # what follows would depend on how bytes arrive
                            break
                        for said in reader.feed(event.data):
                            meter.add(said)
                            yield said
                    self._check(meter)
                    if reader.complete:
                        stream.hurry(_TRAILER_SECONDS)
            except ModelError:
                if not reader.complete:  # after the finish reason nothing is lost
                    raise
            for said in reader.end():
                yield said
            yield reader.usage or meter.usage()
            yield Finish(reader.reason)
            await stream.drain()

    def _check(self, meter: Meter) -> None:
        if meter.output_bytes > self.settings.max_answer_bytes:
            raise UpstreamTooLarge("The model's answer is over the size limit.")
