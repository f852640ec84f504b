"""``/v1/chat/completions`` and ``/v1/models``: OpenAI's API, for programs made for it.

The ``Authorization`` that they send is the server's own, if it has one. An answer that
came to its end by a stop has the ``finish_reason`` ``stop``.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.dialects.openai import OpenAI
from tidewire.errors import NotFound
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, ToolCall, ToolSpec
from tidewire.server.answers import Answers, Leaving
from tidewire.server.questions import (
    MAX_MESSAGES,
    MAX_TOOLS,
    Json,
    NotHere,
    arguments,
    content,
    items,
    output_schema,
    refused,
    tool_spec,
)
from tidewire.server.refusals import refuse_openai
from tidewire.server.routes import ANSWER, Route
from tidewire.server.surface import Surface

__all__ = ["openai_router"]


class StreamOptions(BaseModel):
    include_usage: bool = False


class Completion(Leaving):
    """A question as OpenAI's chat completions have it; further fields are passed over."""

    model: str | None = None
    messages: list[Json] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Json] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: str | Json | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, gt=0)
    max_completion_tokens: int | None = Field(default=None, gt=0)
    stop: str | list[str] | None = Field(default=None, max_length=256)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = Field(default=None, max_length=32)
    response_format: Json | None = None
    n: Literal[1] | None = Field(default=None, description="one answer to a question")
    modalities: list[Literal["text"]] | None = None
    logit_bias: dict[str, float] | None = Field(default=None, max_length=0)
    logprobs: NotHere = None
    top_logprobs: NotHere = None
    functions: NotHere = None
    function_call: NotHere = None
    audio: NotHere = None
    web_search_options: NotHere = None

    def question(self) -> ChatRequest:
        """The same for any model. Raises BadRequest."""
        return ChatRequest(
            messages=[_message(message) for message in self.messages],
            tools=[_tool(tool) for tool in self.tools or []],
            temperature=self.temperature,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop or [],
            seed=self.seed,
            top_p=self.top_p,
            tool_choice=_tool_choice(self.tool_choice),
            output=output_schema(_format(self.response_format)),
            parallel_tool_calls=self.parallel_tool_calls is not False,
            effort=self.reasoning_effort,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
        )


def openai_router(answers: Answers, apis: dict[str, str]) -> APIRouter:
    """``apis``: which API each model speaks."""
    surface = Surface(answers, OpenAI(), refuse_openai)
    router = APIRouter(route_class=Route, tags=["compatible"])

    @router.post("/v1/chat/completions", response_class=Response, responses=ANSWER)
    async def complete(request: Request, body: Completion) -> Response:
        """Asks as OpenAI's API is asked; ``on_disconnect`` and ``linger_seconds`` are ours."""
        started = await surface.start(request, body.question, model=body.model, leaving=body)
        if not body.stream:
            return surface.whole(request, started, put_together)
        apart = body.stream_options is not None and body.stream_options.include_usage
        return surface.stream(request, started, dialect=OpenAI(usage_apart=apart))

    @router.get("/v1/models")
    async def models() -> JSONResponse:
        """The models that can be asked, for clients of OpenAI's and of Anthropic's API."""
        listed = [_describe(name, api) for name, api in apis.items()]
        place = {"has_more": False, "first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
        return JSONResponse({"object": "list", "data": listed, **place})

    @router.get("/v1/models/{model}")
    async def model(model: str) -> JSONResponse:
        """One of them."""
        if model not in apis:
            raise NotFound(f"There is no model '{model[:64]}'.")
        return JSONResponse(_describe(model, apis[model]))

    return router


def put_together(chunks: list[Any]) -> Json:
    """The completion that chunks add up to."""
    message: Json = {"role": "assistant", "content": "", "refusal": None}
    calls: dict[int, Json] = {}
    for delta in (chunk["choices"][0]["delta"] for chunk in chunks):
        for piece in delta.get("tool_calls", []):
            _add_call(calls, dict(piece))
        for name in ("content", "reasoning_content"):
            if name in delta:
                message[name] = message.get(name, "") + delta[name]
        if "annotations" in delta:
            message.setdefault("annotations", []).extend(delta["annotations"])
    if calls:
        message |= {"content": message["content"] or None, "tool_calls": list(calls.values())}
    last = chunks[-1]
    choice = {**last["choices"][0], "message": message}
    del choice["delta"]
    return {**last, "object": "chat.completion", "choices": [choice]}


def _add_call(calls: dict[int, Json], piece: Json) -> None:
    index = piece.pop("index")
    if index not in calls:
        calls[index] = piece
        return
    calls[index]["function"]["arguments"] += piece.pop("function")["arguments"]
    calls[index] |= piece


def _describe(name: str, api: str) -> Json:
    """A model as both APIs list it. It has no birthday."""
    openai = {"id": name, "object": "model", "created": 0, "owned_by": api}
    return {**openai, "type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}


def _message(message: Json) -> ChatMessage:
    match message:
        case {"role": "system" | "developer"}:
            return ChatMessage("system", content(message, _part))
        case {"role": "user"}:
            return ChatMessage("user", content(message, _part))
        case {"role": "assistant"}:
            calls = [_call(call) for call in items(message, "tool_calls")]
            return ChatMessage("assistant", content(message, _part), calls)
        case {"role": "tool", "tool_call_id": str(call)}:
            return ChatMessage("tool", content(message, _part), tool_call_id=call)
    raise refused("A message of role", {"role": message.get("role")})


def _part(part: Any) -> Text | Image:
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return Image(url)
    raise refused("A part of type", part)


def _call(call: Any) -> ToolCall:
    match call:
        case {"id": str(id), "function": {"name": str(name)} as function}:
            return ToolCall(id, name, arguments(function.get("arguments")), _signature(call))
    raise refused("A tool call of type", call)


def _signature(call: Json) -> str | None:
    match call:
        case {"extra_content": {"google": {"thought_signature": str(signature)}}}:
            return signature
    return None


def _tool(tool: Json) -> ToolSpec:
    match tool:
        case {"type": "function", "function": {"name": str()} as about}:
            return tool_spec(about, about.get("parameters"))
    raise refused("A tool of type", tool)


def _tool_choice(choice: str | Json | None) -> str:
    match choice:
        case None:
            return "auto"
        case "auto" | "none" | "required":
            return choice
        case {"type": "function", "function": {"name": str(name)}}:
            return name
    raise refused("A tool_choice of", choice)


def _format(format: Json | None) -> Json | None:
    """What stands one level deeper here than in the other APIs."""
    match format:
        case {"type": "json_schema", "json_schema": dict(about)}:
            return {"type": "json_schema", **about}
    return format
