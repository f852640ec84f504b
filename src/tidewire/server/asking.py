"""Asking in a session: from a question to the answer to it, new or joined.

Owns what belongs to the conversation: what was said before, and that this was asked.
answers.py has the rules of starting and joining, chat.py the routes.
"""

from __future__ import annotations

import contextlib

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from tidewire.answers.events import RunStarted, decode
from tidewire.chat.sessions import Question, Sessions, is_session_id, new_session_id, stream_name
from tidewire.errors import BadRequest, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatMessage
from tidewire.runs.runs import Started
from tidewire.server.answers import Answers, Leaving
from tidewire.server.options import Options
from tidewire.server.requested import check_reading, requested_mode
from tidewire.server.tide import Tidewire, run_headers
from tidewire.server.waiting import wait

__all__ = ["Ask", "Chat", "stop_session"]

BETWEEN_POLLS_SECONDS = 30.0
"""Who polls leaves with every answer. Only who stays away for so long has left."""


async def stop_session(tide: Tidewire, sessions: Sessions, session: str) -> StreamInfo:
    """Stops what goes on in a session: more than one answer, where two tabs have asked.

    Gives the run of its last question. Idempotent. Raises NotFound, StreamGone, LogError.
    """
    latest, *others = await sessions.latest_runs(session)
    for run in others:
        with contextlib.suppress(StreamNotFound, StreamGone):  # it has expired
            await tide.runs.stop(run)
    return await tide.runs.stop(latest)


class Ask(Leaving):
    """A question. Further fields are passed over; those of ``options`` are wishes."""

    message: str = Field(min_length=1, description="what is asked")
    session: str | None = Field(default=None, description="the conversation; a new one if absent")
    model: str | None = Field(default=None, description="as in /api/models, or the default")
    app: str | None = Field(default=None, max_length=64, description="the app that is asking")
    options: Options = Field(default_factory=Options)


class Chat:
    """Asks models in sessions. ``apis`` says which API each model speaks."""

    def __init__(self, answers: Answers, apis: dict[str, str]) -> None:
        self.tide = answers.tide
        self.sessions = Sessions(answers.tide.log, keep_seconds=answers.tide.keep_seconds)
        self._answers = answers
        self._apis = apis

    async def answer(self, request: Request, ask: Ask) -> Response:
        """The response to a question. Raises RequestError, LogError."""
        check_reading(request)  # what cannot be written must not be started
        stream = await self._answers.find_run(request)
        if stream is not None:
            headers = run_headers(request.scope, stream.name)
            headers |= await self._session_header(request, stream)
            return self.tide.stream_response(request, stream, headers=headers)
        self._check(ask)
        session = ask.session or new_session_id()
        started = await self._start(request, ask, session)
        if not started.created:
            headers = await self._session_header(request, started.stream)
            return self.tide.respond(request, started, headers=headers)
        self.sessions.ask(session, Question(started.id, ask.message))
        return self.tide.respond(request, started, headers={"X-Session-Id": session})

    async def _start(self, request: Request, ask: Ask, session: str) -> Started:
        model = self._answers.find_model(ask.model)
        stream_name(session)
        question = ask.options.question(
            [*await self._history(ask), ChatMessage("user", ask.message)]
        )
        key = request.headers.get("idempotency-key") or request.query_params.get("idempotency_key")
        lingers_for = ask.lingers_for
        if lingers_for is not None and requested_mode(request) == "poll":
            lingers_for = max(lingers_for, BETWEEN_POLLS_SECONDS)
        return await self._answers.start(
            model, question, key=key, session=session, linger_seconds=lingers_for
        )

    async def _session_header(self, request: Request, stream: StreamInfo) -> dict[str, str]:
        """The session of a run that is joined: the one it was started in.

        Not a thread of AG-UI's, whose name may be any text: it is no session of ours.
        """
        run = self.tide.runs.get(stream.name)
        session = run.session if run is not None else await self._stored_session(request, stream)
        return {"X-Session-Id": session} if session and is_session_id(session) else {}

    async def _stored_session(self, request: Request, stream: StreamInfo) -> str | None:
        """As the run's first event says, which another server may be about to append."""
        await wait(self.tide.hub, stream, request.receive, begun=True)
        for event in (await self.tide.log.read(stream.name, limit=1)).events:
            started = decode(*event)
            if isinstance(started, RunStarted):
                return started.session
        return None

    def describe_models(self) -> list[dict[str, str | bool]]:
        """Name and API of each model, the default first; a demo is called a demo."""
        names = sorted(self._apis, key=lambda name: name != self._answers.default)
        return [
            {"name": name, "api": self._apis[name], "demo": self._apis[name] == "demo"}
            for name in names
        ]

    def _check(self, ask: Ask) -> None:
        limits = self._answers.limits
        if limits.enabled and len(ask.message) > limits.max_message_chars:
            raise BadRequest(f"The message is longer than {limits.max_message_chars} characters.")

    async def _history(self, ask: Ask) -> list[ChatMessage]:
        if ask.session is None:
            return []
        return await self.sessions.history(
            ask.session, max_messages=self._answers.limits.max_history_messages
        )
