"""``/v1/responses``: OpenAI's Responses, in the background too, read again by number, cancelled.

A response's id is the id of its run. It goes on without its caller, whatever ``background``
says: that only answers at once. It is kept as long as every answer is; with ``store: false``
it cannot be retrieved, and is deleted soon after its end (unstored.py). What was asked is
not kept, so ``previous_response_id`` is refused.
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tidewire.answers.events import AnswerEvent, RunStarted
from tidewire.dialects.openai_responses import OpenAIResponses
from tidewire.errors import BadRequest, NotFound, StreamGone, StreamNotFound
from tidewire.log.base import StreamInfo
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.runs.runs import PREFIX, Started
from tidewire.server.answers import Answers, Leaving, refused_outright
from tidewire.server.counted import Counted
from tidewire.server.questions import (
    MAX_MESSAGES,
    MAX_TOOLS,
    Json,
    NotHere,
    arguments,
    items,
    merged,
    output_schema,
    refused,
    tool_spec,
)
from tidewire.server.refusals import refuse_openai
from tidewire.server.routes import ANSWER, Route
from tidewire.server.surface import Surface, WholeResponse, written
from tidewire.server.unstored import UNSTORED

__all__ = ["responses_router"]

LOGPROBS = "message.output_text.logprobs"

ResponseId = Annotated[str, Path(max_length=255, pattern=r"^[!-~]+$")]


class TextOptions(BaseModel):
    format: Json | None = None


class Reasoning(BaseModel):
    effort: str | None = Field(default=None, max_length=32)


class Create(Leaving):
    """A question as OpenAI's Responses have it; further fields are passed over."""

    model: str | None = None
    input: str | Annotated[list[Json], Field(min_length=1, max_length=MAX_MESSAGES)]
    instructions: str | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    tools: list[Json] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: str | Json | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_output_tokens: int | None = Field(default=None, gt=0)
    text: TextOptions | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = Field(default=None, max_length=64)
    conversation: NotHere = None
    prompt: NotHere = None
    top_logprobs: NotHere = None

    def question(self) -> ChatRequest:
        """The same for any model. Raises BadRequest."""
        if self.previous_response_id is not None:
            raise BadRequest("What was asked is not kept: send the conversation as 'input'.")
        if self.background and self.store is False:
            raise BadRequest("A response in the background has to be stored.")
        if LOGPROBS in (self.include or []):
            raise BadRequest(f"include: nothing here can honour '{LOGPROBS}'; leave it out.")
        return ChatRequest(
            messages=self._messages(),
            tools=[_tool(tool) for tool in self.tools or []],
            temperature=self.temperature,
            max_tokens=self.max_output_tokens,
            top_p=self.top_p,
            tool_choice=_tool_choice(self.tool_choice),
            output=output_schema(self.text and self.text.format),
            parallel_tool_calls=self.parallel_tool_calls is not False,
            effort=self.reasoning.effort if self.reasoning else None,
        )

    def _messages(self) -> list[ChatMessage]:
        system = [ChatMessage("system", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*system, ChatMessage("user", self.input)]
        return [*system, *merged(_turn(item) for item in self.input)]


def responses_router(answers: Answers) -> APIRouter:
    surface = Surface(answers, OpenAIResponses(), refuse_openai)
    tide = answers.tide
    router = APIRouter(route_class=Route, tags=["compatible"])

    async def find(id: str) -> StreamInfo:
        """Raises NotFound, as this API has it, for one that is no more, too."""
        if id.startswith(PREFIX) and not id.startswith(UNSTORED):
            with contextlib.suppress(StreamNotFound, StreamGone):
                return await tide.log.info(id)
        raise NotFound("There is no such response, or it was not stored.")

    async def describe(request: Request, stream: StreamInfo) -> Response:
        # What a run begins with may be on its way to the log still.
        events = await surface.events(stream) or [RunStarted(stream.name)]
        return surface.json(request, stream, _response(events))

    @router.post("/v1/responses", response_class=Response, responses=ANSWER)
    async def create(request: Request, body: Create) -> Response:
        """Asks as OpenAI's API is asked; ``on_disconnect`` and ``linger_seconds`` are ours."""
        started = await surface.start(
            request,
            body.question,
            model=body.model,
            leaving=body,
            prefix=UNSTORED if body.store is False else PREFIX,
        )
        if body.stream:
            return surface.stream(request, started)

        async def make() -> Response:
            events = await surface.events(started.stream)
            if (failed := refused_outright(events)) is not None and not body.background:
                raise surface.failure(started, failed)
            return surface.json(request, started.stream, _response(events))

        return WholeResponse(surface, started.stream, make, begun=bool(body.background))

    @router.get("/v1/responses/{id}", response_class=Response, responses=ANSWER)
    async def retrieve(
        request: Request,
        id: ResponseId,
        stream: bool = False,
        starting_after: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    ) -> Response:
        """The response as it is now; or, with ``stream``, all of its events, or those after
        a ``sequence_number``, and then live."""
        found = await find(id)
        if not stream:
            return await describe(request, found)
        after = 0 if starting_after is None else starting_after + 1
        dialect = Counted(surface.dialect, after) if after else None
        return surface.stream(request, Started(found), dialect=dialect)

    @router.post("/v1/responses/{id}/cancel")
    async def cancel(request: Request, id: ResponseId) -> Response:
        """Stops it; what it said is kept. Idempotent: gives the response as it ended."""
        await find(id)
        return await describe(request, await tide.runs.stop(id))

    return router


def _response(events: list[AnswerEvent]) -> Any:
    """The response as the last event that has one says."""
    said = written(OpenAIResponses(), events)
    return next(event["response"] for event in reversed(said) if "response" in event)


def _turn(item: Json) -> ChatMessage:
    match item:
        case {"type": "function_call", "call_id": str(call), "name": str(name)}:
            called = ToolCall(call, name, arguments(item.get("arguments")))
            return ChatMessage("assistant", tool_calls=[called])
        case {"type": "function_call_output", "call_id": str(call)}:
            return ChatMessage("tool", _content(item.get("output")), tool_call_id=call)
        case {"type": "reasoning"}:
            return ChatMessage("assistant", _thoughts(item))
        case {"role": "system" | "developer", "content": content}:
            return ChatMessage("system", _content(content))
        case {"role": "user" | "assistant" as role, "content": content}:
            return ChatMessage(str(role), _content(content))
    raise refused("An input item of type", item)


def _thoughts(item: Json) -> list[Text | Image | Thought]:
    """Only what was signed is told to a model again."""
    match item:
        case {"encrypted_content": str(signature)}:
            return [Thought("".join(map(_summary, items(item, "summary"))), signature)]
    return []


def _summary(part: Any) -> str:
    match part:
        case {"text": str(text)}:
            return text
    raise refused("A summary of type", part)


def _content(content: Any) -> str | list[Text | Image | Thought]:
    if isinstance(content, list):
        return [_part(part) for part in content]
    if isinstance(content, str):
        return content
    raise refused("The content of an input item", content)


def _part(part: Any) -> Text | Image:
    match part:
        case {"type": "input_text" | "output_text", "text": str(text)}:
            return Text(text)
        case {"type": "refusal", "refusal": str(text)}:
            return Text(text)
        case {"type": "input_image", "image_url": str(url)}:
            return Image(url)
    raise refused("A part of type", part)


def _tool(tool: Json) -> ToolSpec:
    match tool:
        case {"type": "function", "name": str()}:
            return tool_spec(tool, tool.get("parameters"))
    raise refused("A tool of type", tool)


def _tool_choice(choice: str | Json | None) -> str:
    match choice:
        case None:
            return "auto"
        case "auto" | "none" | "required":
            return choice
        case {"type": "function", "name": str(name)}:
            return name
    raise refused("A tool_choice of", choice)
