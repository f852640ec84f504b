"""``/api/ag-ui``: an AG-UI agent, for every client of that protocol.

The pair of ``threadId`` and ``runId`` is the key of a run: a POST that repeats them joins
it, and so does one that names our id of the run, or carries a cursor. The thread is the
session. Leaving ends nothing; ``POST /api/runs/{X-Run-Id}/stop`` does. What is to go with
the question – model, options, what becomes of it when nobody watches – comes in
``forwardedProps``; ``context`` is told to the model first. ``state`` is the client's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tidewire.dialects.ag_ui import AgUi
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.runs.runs import Started
from tidewire.server.answers import Answers, Leaving
from tidewire.server.options import Options
from tidewire.server.questions import (
    MAX_MESSAGES,
    MAX_TOOLS,
    ONE_LINE,
    Json,
    arguments,
    content,
    items,
    merged,
    refused,
    tool_spec,
)
from tidewire.server.refusals import error_response
from tidewire.server.routes import ANSWER, Route
from tidewire.server.surface import Surface

__all__ = ["ag_ui_router"]


class Context(BaseModel):
    description: str
    value: str


class Forwarded(Leaving):
    model: str | None = None
    options: Options = Field(default_factory=Options)


class RunAgentInput(BaseModel):
    """What an AG-UI client sends; further fields are passed over."""

    thread: str = Field(alias="threadId", pattern=ONE_LINE, max_length=120)
    run: str = Field(alias="runId", min_length=1, max_length=120)
    messages: list[Json] = Field(min_length=1, max_length=MAX_MESSAGES)
    tools: list[Json] | None = Field(default=None, max_length=MAX_TOOLS)
    context: list[Context] | None = Field(default=None, max_length=MAX_MESSAGES)
    forwarded: Forwarded | None = Field(default=None, alias="forwardedProps")

    def question(self) -> ChatRequest:
        """The same for any model. Raises BadRequest."""
        options = self.forwarded.options if self.forwarded else Options()
        context = [f"{piece.description}: {piece.value}" for piece in self.context or []]
        system = [ChatMessage("system", "\n".join(context))] if context else []
        turns = merged(turn for message in self.messages for turn in _turns(message))
        tools = [_tool(tool) for tool in self.tools or []]
        return options.question([*system, *turns], tools=tools)


def ag_ui_router(answers: Answers) -> APIRouter:
    surface = Surface(answers, AgUi(), error_response)
    router = APIRouter(route_class=Route, tags=["compatible"])

    @router.post("/api/ag-ui", response_class=Response, responses=ANSWER)
    async def run(request: Request, body: RunAgentInput) -> Response:
        """Runs the agent, or joins the run that the request has seen before."""
        forwarded = body.forwarded or Forwarded()
        if (known := await answers.find_named(body.run)) is not None:
            return surface.stream(request, Started(known))
        started = await surface.start(
            request,
            body.question,
            model=forwarded.model,
            leaving=forwarded,
            session=body.thread,
            key=request.headers.get("idempotency-key") or f"{body.thread}\n{body.run}",
        )
        return surface.stream(request, started)

    return router


def _turns(message: Json) -> Iterator[ChatMessage]:
    match message:
        case {"role": "system" | "developer"}:
            yield ChatMessage("system", content(message, _part))
        case {"role": "user"}:
            yield ChatMessage("user", content(message, _part))
        case {"role": "assistant"}:
            calls = [_call(call) for call in items(message, "toolCalls")]
            yield ChatMessage("assistant", content(message, _part), calls)
        case {"role": "tool", "toolCallId": str(call)}:
            yield ChatMessage("tool", content(message, _part), tool_call_id=call)
        case {"role": "reasoning", "content": str(text), "encryptedValue": str(signature)}:
            yield ChatMessage("assistant", [Thought(text, signature)])
        case {"role": "reasoning" | "activity"}:
            pass  # for people, not for models
        case _:
            raise refused("A message of role", {"type": message.get("role")})


def _part(part: Any) -> Text | Image:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "image", "source": {"type": "url", "value": str(url)}}:
            return Image(url)
        case {
            "type": "image",
            "source": {"type": "data", "value": str(data), "mimeType": str(media_type)},
        }:
            return Image(f"data:{media_type};base64,{data}")
    raise refused("A part of type", part)


def _call(call: Any) -> ToolCall:
    match call:
        case {"id": str(id), "function": {"name": str(name)} as function}:
            proof = call.get("encryptedValue")
            signature = proof if isinstance(proof, str) else None
            return ToolCall(id, name, arguments(function.get("arguments")), signature)
    raise refused("A tool call of type", call)


def _tool(tool: Json) -> ToolSpec:
    match tool:
        case {"name": str()}:
            return tool_spec(tool, tool.get("parameters"))
    raise refused("A tool of type", tool)
