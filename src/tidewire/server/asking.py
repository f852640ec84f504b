"""Asking: from a request to a run, new or joined. Owns the rules, chat.py the routes.

A request that names a run it has seen – by cursor, by ``X-Run-Id``, by the same
``Idempotency-Key`` – joins that run. That is how an ``EventSource``, which repeats its
GET by itself, and a client that repeats its POST get the rest of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from tidewire.answers.events import RunFailed, RunStarted, Usage, decode
from tidewire.chat.sessions import Question, Sessions, new_session_id, stream_name
from tidewire.errors import BadRequest, RateLimited, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatMessage, ChatRequest, Model
from tidewire.runs.runs import PREFIX, Started, new_run_id
from tidewire.server.settings import LimitSettings
from tidewire.server.tide import Tidewire, requested_cursor, requested_dialect, run_headers
from tidewire.wire.cursor import read_cursor

__all__ = ["Ask", "Chat"]

MAX_ATTEMPTS = 16
REFUSED_EVENTS = 3  # run.started, perhaps usage, run.failed


class Options(BaseModel):
    """How the model is to answer."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, gt=0)
    stop: list[Annotated[str, Field(max_length=256)]] = Field(default=[], max_length=8)
    seed: int | None = Field(default=None, ge=0, lt=2**63)


class Ask(BaseModel):
    """A question."""

    message: str = Field(min_length=1, description="what is asked")
    session: str | None = Field(default=None, description="the conversation; a new one if absent")
    model: str | None = Field(default=None, description="as in /api/models, or the default")
    app: str | None = Field(default=None, max_length=64, description="the app that is asking")
    options: Options = Options()
    on_disconnect: Literal["continue", "cancel"] = Field(
        default="continue", description="whether the answer goes on when nobody watches"
    )
    linger_seconds: float | None = Field(
        default=None, ge=0, le=86400, description="cancel so long after the last viewer has left"
    )


class Chat:
    """Starts and joins answers; owns nothing but how the parts fit together."""

    def __init__(
        self,
        tide: Tidewire,
        models: dict[str, Model],
        apis: dict[str, str],
        default: str,
        limits: LimitSettings,
    ) -> None:
        self.tide = tide
        self.models = models
        self.apis = apis
        self.default = default
        self.sessions = Sessions(tide.log)
        self._limits = limits

    async def answer(self, request: Request, ask: Ask) -> Response:
        """The response to a question. Raises RequestError, LogError."""
        requested_dialect(request)  # an unknown one must not start anything
        stream = await self._known_run(request)
        if stream is not None:
            headers = run_headers(stream.name) | await self._session_header(stream)
            return self.tide.stream_response(request, stream, headers=headers)
        self._check(ask)
        session = ask.session or new_session_id()
        started = await self._start(request, ask, session)
        if not started.created:
            return self.tide.respond(
                request, started, headers=await self._session_header(started.stream)
            )
        # Beside the answer, not before it: the first token waits for nobody.
        self.tide.spawn(self.sessions.ask(session, Question(started.id, ask.message)))
        return self.tide.respond(request, started, headers={"X-Session-Id": session})

    async def _start(self, request: Request, ask: Ask, session: str) -> Started:
        """The run of this question, new or joined by its Idempotency-Key.

        A run that was refused before it said anything, and may be tried again, keeps
        nobody from trying: its key stands for the next attempt then.
        """
        model = self._model(ask.model)
        stream_name(session)
        context = ChatRequest(
            messages=[*await self._history(ask), ChatMessage("user", ask.message)],
            **ask.options.model_dump(exclude_none=True),
        )
        for id in _run_ids(request):
            started = await self.tide.start(
                lambda: model.answer(context),
                id=id,
                session=session,
                model=model.name,
                request=context,
                linger_seconds=0.0 if ask.on_disconnect == "cancel" else ask.linger_seconds,
            )
            if started.created or not await self._was_refused(started.stream):
                return started
        raise RateLimited("This question was refused too often; ask under another key.")

    async def _was_refused(self, stream: StreamInfo) -> bool:
        """True for a run that ended before it had said anything, and can be tried again."""
        if not stream.closed or stream.head > REFUSED_EVENTS:
            return False
        events = [decode(*event) for event in (await self.tide.log.read(stream.name)).events]
        said = [e for e in events if not isinstance(e, RunStarted | Usage)]
        return len(said) == 1 and isinstance(said[0], RunFailed) and said[0].retryable

    async def _session_header(self, stream: StreamInfo) -> dict[str, str]:
        """The session of a run that is joined: the one it was started in."""
        for event in (await self.tide.log.read(stream.name, limit=1)).events:
            started = decode(*event)
            if isinstance(started, RunStarted) and started.session is not None:
                return {"X-Session-Id": started.session}
        return {}

    def describe_models(self) -> list[dict[str, str | bool]]:
        """Name and API of each model, the default first; a demo is called a demo."""
        names = sorted(self.models, key=lambda name: name != self.default)
        return [
            {"name": name, "api": self.apis[name], "demo": self.apis[name] == "demo"}
            for name in names
        ]

    async def _known_run(self, request: Request) -> StreamInfo | None:
        """The run that the request has seen before. Never a new one in its place."""
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

    def _check(self, ask: Ask) -> None:
        if not self._limits.enabled:
            return
        if len(ask.message) > self._limits.max_message_chars:
            raise BadRequest(
                f"The message is longer than {self._limits.max_message_chars} characters."
            )
        if len(self.tide.runs) >= self._limits.max_runs:
            raise RateLimited("Too many answers are going on; try again in a moment.")

    def _model(self, name: str | None) -> Model:
        model = self.models.get(name or self.default)
        if model is None:
            known = ", ".join(self.models)
            raise BadRequest(f"There is no model '{str(name)[:64]}'. Known: {known}.")
        return model

    async def _history(self, ask: Ask) -> list[ChatMessage]:
        if ask.session is None:
            return []
        return await self.sessions.history(
            ask.session, max_messages=self._limits.max_history_messages
        )


def _run_ids(request: Request) -> Iterator[str]:
    """The ids that a run of this request may have: a fresh one; or, with an
    Idempotency-Key, those of the key's first and further attempts."""
    key = request.headers.get("idempotency-key") or request.query_params.get("idempotency_key")
    if not key:
        yield new_run_id()
        return
    if len(key) > 255:
        raise BadRequest("An Idempotency-Key has at most 255 characters.")
    for attempt in range(MAX_ATTEMPTS):
        text = f"{key}\n{attempt}" if attempt else key
        yield PREFIX + hashlib.sha256(text.encode()).hexdigest()[:24]
