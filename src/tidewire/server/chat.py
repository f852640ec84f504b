"""``/api/chat``: a question in, its answer as a stream out – or joined, never asked twice.

A request that names a run it has seen – by cursor, by ``X-Run-Id``, by the same
``Idempotency-Key`` – joins that run. That is how an ``EventSource``, which repeats its
GET by itself, and a client that repeats its POST get the rest of the answer.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.chat.sessions import Question, Sessions, new_session_id, stream_name
from tidewire.errors import BadRequest, RateLimited, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatMessage, ChatRequest, Model
from tidewire.runs.runs import PREFIX, new_run_id
from tidewire.server.routes import SSE, Route
from tidewire.server.settings import LimitSettings
from tidewire.server.tide import Tidewire, requested_cursor, requested_dialect, run_headers
from tidewire.wire.cursor import read_cursor

__all__ = ["Chat", "chat_router"]


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
            return self.tide.stream_response(request, stream, headers=run_headers(stream.name))
        self._check(ask)
        model = self._model(ask.model)
        session = ask.session or new_session_id()
        stream_name(session)
        context = ChatRequest(
            messages=[*await self._history(ask), ChatMessage("user", ask.message)],
            **ask.options.model_dump(exclude_none=True),
        )
        started = await self.tide.start(
            lambda: model.answer(context),
            id=_run_id(request),
            session=session,
            model=model.name,
            request=context,
            linger_seconds=0.0 if ask.on_disconnect == "cancel" else ask.linger_seconds,
        )
        if started.created:
            # Beside the answer, not before it: the first token waits for nobody.
            self.tide.spawn(self.sessions.ask(session, Question(started.id, ask.message)))
        return self.tide.respond(request, started, headers={"X-Session-Id": session})

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
                return await self.tide.log.info(epoch=read_cursor(cursor)[0].epoch)
            except StreamNotFound:
                raise StreamGone("The answer of this cursor is gone; ask anew.") from None
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


def chat_router(chat: Chat) -> APIRouter:
    """``/api/chat``, ``/api/models`` and the stop of a session."""
    router = APIRouter(route_class=Route, tags=["chat"])

    @router.post("/api/chat", response_class=Response, responses=SSE)
    async def ask(
        request: Request,
        ask: Ask,
        dialect: Annotated[str, Query(description="How the answer is written")] = "native",
    ) -> Response:
        """Asks, and answers with the stream of the run.

        The head has ``Location`` and ``X-Run-Id``; resume with ``GET`` there and
        ``Last-Event-ID``. The same ``Idempotency-Key`` joins the same run.
        """
        return await chat.answer(request, ask)

    @router.get("/api/chat", response_class=Response, responses=SSE)
    async def ask_by_get(
        request: Request,
        message: Annotated[str, Query(min_length=1)],
        session: str | None = None,
        model: str | None = None,
        app: Annotated[str | None, Query(max_length=64)] = None,
        idempotency_key: str | None = None,
        dialect: Annotated[str, Query(description="How the answer is written")] = "native",
    ) -> Response:
        """The same for ``EventSource``, whose repeated GET joins its run."""
        return await chat.answer(
            request, Ask(message=message, session=session, model=model, app=app)
        )

    @router.post("/api/sessions/{session}/stop")
    async def stop(session: str) -> JSONResponse:
        """Stops the answer that is going on in a session. Idempotent."""
        stream = await chat.tide.runs.stop(await chat.sessions.latest_run(session))
        return JSONResponse({"run": stream.name, "closed": stream.closed})

    @router.get("/api/models")
    async def models() -> JSONResponse:
        """The models that can be asked; the first is the default."""
        return JSONResponse({"models": chat.describe_models()})

    return router


def _run_id(request: Request) -> str:
    """The run of an Idempotency-Key: the same key, the same id, the same run."""
    key = request.headers.get("idempotency-key") or request.query_params.get("idempotency_key")
    if not key:
        return new_run_id()
    if len(key) > 255:
        raise BadRequest("An Idempotency-Key has at most 255 characters.")
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()[:24]
