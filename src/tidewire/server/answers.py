"""Answers of models, started and joined: what every surface that asks a model has in common.

A request that names a run it has seen – by cursor, by ``X-Run-Id``, by the same
``Idempotency-Key`` – joins that run. That is how an ``EventSource``, which repeats its
GET by itself, and a client that repeats its POST get the rest of the answer. Knows
nothing of sessions, nor of how a surface writes a question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from tidewire.answers.events import AnswerEvent, RunFailed, RunStarted, Usage, decode
from tidewire.errors import BadRequest, RateLimited, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatRequest, Model
from tidewire.runs.runs import PREFIX, Started, new_run_id
from tidewire.server.requested import requested_cursor
from tidewire.server.settings import LimitSettings
from tidewire.server.tide import Tidewire
from tidewire.wire.cursor import read_cursor

__all__ = ["Answers", "Leaving", "refused_outright"]

MAX_ATTEMPTS = 16
REFUSED_EVENTS = 3  # run.started, perhaps usage, run.failed


class Leaving(BaseModel):
    """What becomes of an answer whose viewers leave: a part of every question."""

    on_disconnect: Literal["continue", "cancel"] = Field(
        default="continue", description="whether the answer goes on when nobody watches"
    )
    linger_seconds: float | None = Field(
        default=None, ge=0, le=86400, description="cancel so long after the last viewer has left"
    )

    @property
    def lingers_for(self) -> float | None:
        """As Runs.start takes it: None is for ever. Who says both is given the time."""
        at_once = self.on_disconnect == "cancel" and self.linger_seconds is None
        return 0.0 if at_once else self.linger_seconds


class Answers:
    """Owns the rules of starting and joining; ``default`` names the model of who names none."""

    def __init__(
        self, tide: Tidewire, models: dict[str, Model], default: str, limits: LimitSettings
    ) -> None:
        self.tide = tide
        self.models = models
        self.default = default
        self.limits = limits

    def find_model(self, name: str | None) -> Model:
        """The model of this name, or the default. Raises BadRequest."""
        model = self.models.get(name or self.default)
        if model is None:
            known = ", ".join(self.models)
            raise BadRequest(f"There is no model '{str(name)[:64]}'. Known: {known}.")
        return model

    async def find_run(self, request: Request) -> StreamInfo | None:
        """The run that the request has seen before. Never a new one in its place.

        Raises StreamGone, StreamNotFound, BadRequest, InvalidCursor.
        """
        cursor = requested_cursor(request)
        if cursor is not None:
            try:
                stream = await self.tide.log.info(epoch=read_cursor(cursor)[0].epoch)
            except StreamNotFound:
                raise StreamGone("The answer of this cursor is gone; ask anew.") from None
            if not stream.name.startswith(PREFIX):
                raise BadRequest("This cursor is not of an answer.")
            return stream
        run = request.headers.get("x-run-id", "")
        return await self.tide.log.info(run) if run.startswith(PREFIX) else None

    async def find_named(self, id: str) -> StreamInfo | None:
        """The run of this id; None if it is none: programs call things of their own alike.

        Raises StreamGone.
        """
        if not id.startswith(PREFIX):
            return None
        try:
            return await self.tide.log.info(id)
        except StreamNotFound:
            return None

    async def start(
        self,
        model: Model,
        question: ChatRequest,
        *,
        key: str | None,
        session: str | None = None,
        linger_seconds: float | None = None,
        prefix: str = PREFIX,
    ) -> Started:
        """The run of this question, new or joined by its ``key``; its id has this ``prefix``.

        A run that was refused before it said anything, and may be tried again, keeps
        nobody from trying: its key stands for the next attempt then. Raises RateLimited,
        BadRequest, ShuttingDown, LogUnavailable.
        """
        for id in _run_ids(key, prefix):
            if self._is_full:
                started = await self._join(id)
            else:
                started = await self.tide.start(
                    lambda: model.answer(question),
                    id=id,
                    session=session,
                    model=model.name,
                    request=question,
                    linger_seconds=linger_seconds,
                )
            if started.created or not await self._was_refused(started.stream):
                return started
        raise RateLimited("This question was refused too often; ask under another key.")

    @property
    def _is_full(self) -> bool:
        return self.limits.enabled and len(self.tide.runs) >= self.limits.max_runs

    async def _join(self, id: str) -> Started:
        """Joins a run, which takes no room. Raises RateLimited where there is none."""
        self.tide.runs.check_open()
        with suppress(StreamGone):
            if (stream := await self.find_named(id)) is not None:
                return Started(stream, self.tide.runs.get(id))
        raise RateLimited("Too many answers are going on; try again in a moment.")

    async def _was_refused(self, stream: StreamInfo) -> bool:
        """True for a run that ended before it had said anything, and can be tried again."""
        if not stream.closed or stream.head > REFUSED_EVENTS:
            return False
        stored = await self.tide.log.read(stream.name)
        failed = refused_outright(decode(*event) for event in stored.events)
        return failed is not None and failed.retryable


def refused_outright(events: Iterable[AnswerEvent | None]) -> RunFailed | None:
    """The failure of a run that has said nothing."""
    said = [event for event in events if not isinstance(event, RunStarted | Usage)]
    return said[0] if len(said) == 1 and isinstance(said[0], RunFailed) else None


def _run_ids(key: str | None, prefix: str) -> Iterator[str]:
    """The ids that a run may have: a fresh one; or, with a key, those of the key's first
    and further attempts."""
    if not key:
        yield prefix + new_run_id().removeprefix(PREFIX)
        return
    if len(key) > 255:
        raise BadRequest("An Idempotency-Key has at most 255 characters.")
    for attempt in range(MAX_ATTEMPTS):
        text = f"{attempt}\n{key}"  # in this order: a key may end with any number
        yield prefix + hashlib.sha256(text.encode()).hexdigest()[:24]
