"""A compatible API: a question of another API's shape in, its kind of answer out.

What all of them share: the answer is a run like any other, joined by whoever names it,
and can be read in every other dialect under ``Location``. An answer in one piece is what
the stream of the same API says, put together, so the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tidewire.answers.compact import compact
from tidewire.answers.events import AnswerEvent, RunFailed, decode, encode
from tidewire.dialects.base import Dialect
from tidewire.errors import NotFound, TidewireError
from tidewire.live.start import Starts, find_start
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatRequest
from tidewire.runs.runs import PREFIX, Started
from tidewire.server.answers import Answers, Leaving
from tidewire.server.refusals import Headers, Refuse
from tidewire.server.requested import requested_cursor
from tidewire.server.respond import StreamResponse, Unfinished
from tidewire.server.tide import run_headers
from tidewire.server.waiting import wait
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser

__all__ = ["Surface", "WholeResponse", "written"]


class Surface:
    """``dialect``: how this API writes a stream. ``refuse``: how it says no."""

    def __init__(self, answers: Answers, dialect: Dialect, refuse: Refuse) -> None:
        self.answers = answers
        self.tide = answers.tide
        self.dialect = dialect
        self.refuse = refuse

    async def start(
        self,
        request: Request,
        question: Callable[[], ChatRequest],
        *,
        model: str | None,
        leaving: Leaving,
        session: str | None = None,
        key: str | None = None,
        prefix: str = PREFIX,
    ) -> Started:
        """The run that the request names, or a new one; ``question`` is not asked for the
        first. ``key`` where the API has its own word for ``Idempotency-Key``. ``prefix``: as
        in Answers.start.

        Raises RequestError, LogError.
        """
        known = await self.answers.find_run(request)
        if known is not None:
            return Started(known, self.tide.runs.get(known.name))
        if model and model not in self.answers.models:
            raise NotFound(f"There is no model '{model[:64]}'; /v1/models has those there are.")
        return await self.answers.start(
            self.answers.find_model(model),
            question(),
            key=key or request.headers.get("idempotency-key"),
            session=session,
            linger_seconds=leaving.lingers_for,
            prefix=prefix,
        )

    def stream(
        self,
        request: Request,
        started: Started,
        *,
        dialect: Dialect | None = None,
        headers: Headers | None = None,
    ) -> Response:
        """The run as a stream, from the request's cursor where the dialect can go on there.

        204 if there is nothing after the cursor. Raises ShuttingDown.
        """
        self.tide.runs.check_open()
        dialect = dialect or self.dialect
        stream = started.stream
        cursor = requested_cursor(request) if dialect.resumes else None
        start = find_start(stream, cursor=cursor)
        headers = {**run_headers(request.scope, stream.name), **(headers or {})}
        if cursor and start.is_end_of(stream):
            return Response(status_code=204, headers=headers)
        return StreamResponse(
            self.tide.hub,
            Starts([(stream, start)]),
            dialect,
            run=started.run,
            headers=headers,
            refuse=self.refuse,
        )

    def whole(
        self, request: Request, started: Started, put_together: Callable[[list[Any]], Any]
    ) -> Response:
        """The answer in one piece, when it has ended: ``put_together`` makes it of what the
        stream says. A run that failed is a refusal. Who leaves does not end it."""

        async def make() -> Response:
            events = await self.events(started.stream)
            if events and isinstance(failed := events[-1], RunFailed):
                raise self.failure(started, failed)
            return self.json(request, started.stream, put_together(written(self.dialect, events)))

        return WholeResponse(self, started.stream, make)

    def failure(self, started: Started, failed: RunFailed) -> TidewireError:
        """Why a run failed, as well as it is known here."""
        error = started.run.error if started.run is not None else None
        return error or Unfinished(failed)

    def json(self, request: Request, stream: StreamInfo, content: Any) -> Response:
        return JSONResponse(content, headers=run_headers(request.scope, stream.name))

    async def events(self, stream: StreamInfo) -> list[AnswerEvent]:
        """What was said so far, in its compact form."""
        return compact(decode(*event) for event in await self.stored(stream)).events

    async def stored(self, stream: StreamInfo) -> list[Event]:
        """All that is stored of a run so far."""
        events: list[Event] = []
        read = partial(self.tide.log.read, stream.name, epoch=stream.epoch)
        while (batch := await read(len(events))).events:
            events += batch.events
        return events


class WholeResponse(Response):
    """Waits for an answer – its end, or with ``begun`` its beginning – then makes the
    response. Says nothing to who has left."""

    def __init__(
        self,
        surface: Surface,
        stream: StreamInfo,
        make: Callable[[], Awaitable[Response]],
        *,
        begun: bool = False,
    ) -> None:
        super().__init__()
        self._surface = surface
        self._stream = stream
        self._make = make
        self._begun = begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            hub = self._surface.tide.hub
            if not await wait(hub, self._stream, receive, begun=self._begun):
                return
            response = await self._make()
        except TidewireError as exc:
            response = self._surface.refuse(exc, headers=run_headers(scope, self._stream.name))
        await response(scope, receive, send)


def written(dialect: Dialect, events: Sequence[AnswerEvent]) -> list[Any]:
    """The events as ``dialect`` writes them: the JSON of each SSE event."""
    stored = [Event(event.type, encode(event)) for event in events]
    parser = Parser(max_line_bytes=1 << 30, max_event_bytes=1 << 30)
    frames = parser.feed(dialect.encoder().encode("", 1, stored))
    return [msgspec.json.decode(frame.data) for frame in frames if frame.data != "[DONE]"]
