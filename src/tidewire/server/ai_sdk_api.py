"""``/api/ai-sdk/chat``: for ``useChat`` of the AI SDK, with both of its transports.

``DefaultChatTransport`` asks for its chat's stream when a page is opened again: 204 if
nothing is going on, else all of it, the past in a few large pieces. The transport of
workflows asks for a run's or a chat's from the chunk it has not read (``startIndex``), so
what it is given is never joined. The chat is the session of the same id, or, as programs may
call their chats as they like, of one that stands for it. An answer is stopped by a call of
our own, as the SDK's stop only leaves. A refusal is plain text, which the SDK shows as it
is.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.chat.sessions import Question, Sessions, is_session_id
from tidewire.dialects.ai_sdk import AiSdk
from tidewire.errors import NotFound, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatMessage, ChatRequest
from tidewire.runs.runs import Started
from tidewire.server.ai_sdk_messages import turns
from tidewire.server.answers import Answers, Leaving
from tidewire.server.asking import stop_session
from tidewire.server.counted import Counted, count
from tidewire.server.options import Options
from tidewire.server.questions import MAX_MESSAGES, MAX_TOOLS, ONE_LINE, Json, tool_spec
from tidewire.server.refusals import refuse_ai_sdk
from tidewire.server.routes import ANSWER, Route
from tidewire.server.surface import Surface

__all__ = ["ai_sdk_router", "session_of"]

MAX_CHAT_LENGTH = 255

ChatId = Annotated[str, Path(min_length=1, max_length=MAX_CHAT_LENGTH)]


class Send(Leaving):
    """What the SDK's transports send; further fields are passed over.

    ``system``, ``tools`` (``{name: {description, parameters}}``, run by the front end),
    ``model`` and ``options`` come in by the transport's ``body``.
    """

    id: str = Field(pattern=ONE_LINE, max_length=MAX_CHAT_LENGTH, description="the chat")
    messages: list[Json] = Field(min_length=1, max_length=MAX_MESSAGES)
    system: str | None = None
    tools: dict[str, Json] = Field(default={}, max_length=MAX_TOOLS)
    model: str | None = None
    options: Options = Field(default_factory=Options)

    def question(self) -> ChatRequest:
        """The same for any model. Raises BadRequest."""
        system = [ChatMessage("system", self.system)] if self.system else []
        tools = [
            tool_spec({**tool, "name": name}, tool.get("parameters"))
            for name, tool in self.tools.items()
        ]
        return self.options.question([*system, *self.turns()], tools=tools)

    def turns(self) -> list[ChatMessage]:
        return [turn for message in self.messages for turn in turns(message)]

    @property
    def asked(self) -> str:
        """The text of the last question, for the list of sessions."""
        return next((turn.text for turn in reversed(self.turns()) if turn.role == "user"), "")


def ai_sdk_router(answers: Answers) -> APIRouter:
    surface = Surface(answers, AiSdk(), refuse_ai_sdk)
    tide = answers.tide
    sessions = Sessions(tide.log, keep_seconds=tide.keep_seconds)
    router = APIRouter(route_class=Route, tags=["compatible"])

    @router.post("/api/ai-sdk/chat", response_class=Response, responses=ANSWER)
    async def send(request: Request, body: Send) -> Response:
        """Asks as ``useChat`` does; ``on_disconnect`` and ``linger_seconds`` are ours."""
        session = session_of(body.id)
        started = await surface.start(
            request, body.question, model=body.model, leaving=body, session=session
        )
        if not started.created:
            return surface.stream(request, started, dialect=Counted(surface.dialect))
        sessions.ask(session, Question(started.id, body.asked))
        headers = {"X-Session-Id": session}
        return surface.stream(request, started, dialect=Counted(surface.dialect), headers=headers)

    @router.post("/api/ai-sdk/chat/{id:path}/stop")
    async def stop(id: ChatId) -> JSONResponse:
        """Stops what is going on in a chat. Idempotent."""
        stream = await stop_session(tide, sessions, session_of(id))
        return JSONResponse({"run": stream.name, "closed": stream.closed})

    # A path, as an id may have slashes: the SDK's transports encode them.
    @router.get("/api/ai-sdk/chat/{id:path}/stream", response_class=Response, responses=ANSWER)
    async def resume(
        request: Request,
        id: ChatId,
        start_index: Annotated[
            int | None,
            Query(alias="startIndex", description="the first chunk to read; negative: the last"),
        ] = None,
    ) -> Response:
        """What goes on in a chat, or 204; or a run. From one of its chunks, or its start."""
        if (run := await answers.find_named(id)) is not None:
            return await read_run(request, run, start_index or 0)
        try:
            stream = await tide.log.info(await sessions.latest_run(session_of(id)))
        except (NotFound, StreamNotFound, StreamGone):
            return Response(status_code=204)
        read_before = start_index is not None and start_index > 0
        if stream.closed and not read_before:  # who has read some of it wants its end
            return Response(status_code=204)
        if start_index is None:
            return surface.stream(request, Started(stream))
        return await read_run(request, stream, start_index)

    async def read_run(request: Request, stream: StreamInfo, start: int) -> Response:
        headers = {}
        if start < 0:
            chunks = count(surface.dialect, await surface.stored(stream))
            headers = {"X-Workflow-Stream-Tail-Index": str(chunks - 1)}
            start = max(0, chunks + start)
        dialect = Counted(surface.dialect, start)
        return surface.stream(request, Started(stream), dialect=dialect, headers=headers)

    return router


def session_of(chat: str) -> str:
    """The session of a chat: of the same id where a session can have it."""
    if is_session_id(chat):
        return chat
    return "chat_" + hashlib.sha256(chat.encode()).hexdigest()[:40]
