"""An answer of a model, told to whoever asked: a call for each event, at the moment it comes.

An answer can be iterated as any other source. But to hand an event from one task to
another costs a fifth of what it costs to store and deliver it (bench/relay). So a model
that reads its events in a callback gives an ``Answer``, and a run has it told.

Nobody is told more than he can take: what ``hear`` gives back is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from types import TracebackType
from typing import Any, TypeAlias, TypeVar, cast

from tidewire.answers.events import AnswerEvent
from tidewire.models.usage import Meter

__all__ = ["Answer", "Hear", "Hold", "Telling", "tell"]

T = TypeVar("T")

Hold: TypeAlias = asyncio.Future[Any] | None
"""What is to be done before the next event; None: let it come. A few may come before."""
Hear: TypeAlias = Callable[[AnswerEvent], Hold]
"""Takes an event. It may raise: nothing more is said then, and that is raised in its place."""
Telling: TypeAlias = Callable[[Hear], Awaitable[None]]
"""Tells an answer from its beginning to its end; cancel it to be told no more."""

_AHEAD = 64  # events that wait for who iterates; as many more may come at once


class Answer(AsyncGenerator[AnswerEvent, None]):
    """The answer that ``tell`` tells, once: to ``hear`` or to who iterates.

    ``meter``: what it has used so far, if who tells it keeps count.
    """

    def __init__(self, tell: Telling, meter: Meter | None = None) -> None:
        self.tell = tell
        self.meter = meter
        self._events = _iterate(tell)

    async def asend(self, value: None) -> AnswerEvent:
        return await self._events.asend(value)

    async def athrow(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> AnswerEvent:
        return await self._events.athrow(typ, val, tb)

    async def aclose(self) -> None:
        await self._events.aclose()


async def tell(source: AsyncIterable[T], hear: Callable[[T], Hold]) -> None:
    """Has ``hear`` called with all that ``source`` says, in order.

    Raises what the source raises, and what ``hear`` raises.
    """
    if isinstance(source, Answer):
        await source.tell(cast(Hear, hear))
        return
    async for said in source:
        if (hold := hear(said)) is not None:
            await asyncio.wait([hold])


async def _iterate(tell: Telling) -> AsyncGenerator[AnswerEvent, None]:
    said: asyncio.Queue[AnswerEvent | None] = asyncio.Queue()

    def hear(event: AnswerEvent) -> Hold:
        said.put_nowait(event)
        return asyncio.ensure_future(said.join()) if said.qsize() > _AHEAD else None

    telling = asyncio.ensure_future(tell(hear))
    telling.add_done_callback(lambda _: said.put_nowait(None))
    try:
        while (event := await said.get()) is not None:
            yield event
            said.task_done()
        telling.result()
    finally:
        telling.cancel()
        await asyncio.wait([telling])
