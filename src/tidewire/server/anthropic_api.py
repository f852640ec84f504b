"""``/v1/messages``: Anthropic's API, for programs made for it.

A ``stop_reason`` of null says that the answer was stopped. Tools that Anthropic itself
would run, and documents, are refused: no other model could be given them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tidewire.dialects.anthropic import Anthropic
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.server.answers import Answers, Leaving
from tidewire.server.questions import (
    MAX_MESSAGES,
    MAX_TOOLS,
    Json,
    NotHere,
    output_schema,
    refused,
    tool_spec,
)
from tidewire.server.refusals import refuse_anthropic
from tidewire.server.routes import ANSWER, Route
from tidewire.server.surface import Surface
from tidewire.wire.depth import is_too_deep

__all__ = ["anthropic_router"]


class OutputConfig(BaseModel):
    format: Json | None = None
    effort: str | None = Field(default=None, max_length=32)


class Messages(Leaving):
    """A question as Anthropic's Messages have it; further fields are passed over."""

    model: str | None = None
    messages: list[Json] = Field(min_length=1, max_length=MAX_MESSAGES)
    system: str | list[Json] = ""
    stream: bool | None = None
    max_tokens: int | None = Field(default=None, gt=0)
    tools: list[Json] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: Json | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, gt=0)
    stop_sequences: list[str] | None = Field(default=None, max_length=256)
    output_config: OutputConfig | None = None
    output_format: NotHere = None
    container: NotHere = None
    mcp_servers: NotHere = None
    inference_geo: NotHere = None

    def question(self) -> ChatRequest:
        """The same for any model. Raises BadRequest."""
        system = ChatMessage("system", _content(self.system))
        output = self.output_config or OutputConfig()
        turns = [turn for message in self.messages for turn in _turns(message)]
        return ChatRequest(
            messages=[system, *turns] if self.system else turns,
            tools=[_tool(tool) for tool in self.tools or []],
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            stop=self.stop_sequences or [],
            top_p=self.top_p,
            tool_choice=_tool_choice(self.tool_choice),
            output=output_schema(_format(output.format)),
            parallel_tool_calls=not (self.tool_choice or {}).get("disable_parallel_tool_use"),
            effort=output.effort,
            top_k=self.top_k,
        )


def anthropic_router(answers: Answers) -> APIRouter:
    surface = Surface(answers, Anthropic(), refuse_anthropic)
    router = APIRouter(route_class=Route, tags=["compatible"])

    @router.post("/v1/messages", response_class=Response, responses=ANSWER)
    async def create(request: Request, body: Messages) -> Response:
        """Asks as Anthropic's API is asked; ``on_disconnect`` and ``linger_seconds`` are ours."""
        started = await surface.start(request, body.question, model=body.model, leaving=body)
        if body.stream:
            return surface.stream(request, started)
        return surface.whole(request, started, put_together)

    return router


def put_together(events: list[Any]) -> Json:
    """The message that the events of a stream add up to."""
    message: Json = {}
    for event in events:
        match event:
            case {"type": "message_start"}:
                message = event["message"]
            case {"type": "content_block_start", "content_block": block}:
                message["content"].append(block)
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                _add(message["content"][index], delta)
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                message |= {**delta, "usage": usage}
    return message


def _add(block: Json, delta: Json) -> None:
    match delta:
        case {"type": "text_delta", "text": text}:
            block["text"] += text
        case {"type": "thinking_delta", "thinking": thinking}:
            block["thinking"] += thinking
        case {"type": "signature_delta", "signature": signature}:
            block["signature"] = signature
        case {"type": "citations_delta", "citation": citation}:
            block["citations"] = [*(block["citations"] or []), citation]
        case {"type": "input_json_delta", "partial_json": json}:
            # One delta has all of it, as the answer has ended.
            block["input"] = _input(json)


def _input(json: str) -> Any:
    """The arguments of a call; what is no JSON, or nested too deeply, stays as it is."""
    try:
        input = msgspec.json.decode(json)
    except (msgspec.DecodeError, RecursionError):
        return json
    return json if is_too_deep(input) else input


def _turns(message: Json) -> Iterator[ChatMessage]:
    """A message as turns: the results in it are turns of their own, and come first."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    match message.get("role"):
        case "user":
            results = [block for block in blocks if _type(block) == "tool_result"]
            yield from map(_result, results)
            if len(results) < len(blocks) or not blocks:
                others = [block for block in blocks if _type(block) != "tool_result"]
                yield ChatMessage("user", _content(others if blocks else content))
        case "assistant":
            calls = [block for block in blocks if _type(block) == "tool_use"]
            others = [block for block in blocks if _type(block) != "tool_use"]
            said = _content(others if blocks else content)
            yield ChatMessage("assistant", said, [_call(call) for call in calls])
        case "system":
            yield ChatMessage("system", _content(content))
        case role:
            raise refused("A message of role", {"type": role})


def _type(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else None


def _content(content: Any) -> str | list[Text | Image | Thought]:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        # A thought that was not shown to anybody says nothing to another model.
        return [_part(block) for block in content if _type(block) != "redacted_thinking"]
    raise refused("The content of a message", content)


def _part(block: Any) -> Text | Image | Thought:
    match block:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "thinking", "thinking": str(thinking)}:
            return Thought(thinking, str(block.get("signature") or ""))
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return Image(url)
        case {"type": "image", "source": {"media_type": str(media_type), "data": str(data)}}:
            return Image(f"data:{media_type};base64,{data}")
    raise refused("A content block of type", block)


def _result(block: Json) -> ChatMessage:
    match block:
        case {"tool_use_id": str(call)}:
            return ChatMessage("tool", _content(block.get("content") or ""), tool_call_id=call)
    raise refused("A content block of type", block)


def _call(block: Json) -> ToolCall:
    match block:
        case {"id": str(id), "name": str(name)}:
            return ToolCall(id, name, block.get("input") or {})
    raise refused("A content block of type", block)


def _tool(tool: Json) -> ToolSpec:
    match tool:
        case {"name": str()} if tool.get("type") in (None, "custom"):
            return tool_spec(tool, tool.get("input_schema"))
    raise refused("A tool of type", tool)


def _tool_choice(choice: Json | None) -> str:
    match choice:
        case None | {"type": "auto"}:
            return "auto"
        case {"type": "any"}:
            return "required"
        case {"type": "none"}:
            return "none"
        case {"type": "tool", "name": str(name)}:
            return name
    raise refused("A tool_choice of type", choice)


def _format(format: Json | None) -> Json | None:
    """A schema is kept to without exception by this API."""
    return {**format, "strict": True} if format else None
