"""``/api/chat``: a question in, its answer as a stream out (asking.py says how)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.server.asking import Ask, Chat, stop_session
from tidewire.server.routes import ANSWER, LeanRoute, Route

__all__ = ["chat_router"]


def chat_router(chat: Chat) -> APIRouter:
    """``/api/chat``, ``/api/models`` and the stop of a session."""
    router = APIRouter(route_class=Route, tags=["chat"])

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

    router.add_api_route(
        "/api/chat",
        ask,
        methods=["POST"],
        response_class=Response,
        responses=ANSWER,
        route_class_override=LeanRoute,
    )

    @router.get("/api/chat", response_class=Response, responses=ANSWER)
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
        """Stops what is going on in a session. Idempotent."""
        stream = await stop_session(chat.tide, chat.sessions, session)
        return JSONResponse({"run": stream.name, "closed": stream.closed})

    @router.get("/api/models")
    async def models() -> JSONResponse:
        """The models that can be asked; the first is the default."""
        return JSONResponse({"models": chat.describe_models()})

    return router
