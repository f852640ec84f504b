"""OpenAI's chat completions, and every API that is compatible with them.

The thin half: builds the request, reads the stream through models/upstream.py and
openai_reader.py. Source: the OpenAI API reference, POST /v1/chat/completions, stream.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import msgspec

from tidewire.answers.events import AnswerEvent
from tidewire.errors import ModelError, UpstreamTooLarge
from tidewire.models.base import ChatRequest, Finish, ToolSpec
from tidewire.models.openai_reader import Reader
from tidewire.models.upstream import Upstream, UpstreamSettings
from tidewire.models.usage import Meter

__all__ = ["OpenAI", "Settings"]

_TRAILER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """As for every upstream; ``model`` empty means the configured name.

    ``include_usage`` asks for usage at the end; a few servers refuse the question.
    """

    base_url: str = "https://api.openai.com/v1"
    include_usage: bool = True


class OpenAI:
    """A model behind an OpenAI-compatible API."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self._upstream = Upstream(
            settings.base_url.rstrip("/") + "/chat/completions",
            {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {},
            settings,
        )

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """See Model. Usage is estimated if the vendor sends none."""
        reader = Reader(self.settings.secrets)
        meter = Meter(request)
        async with self._upstream.stream(self._body(request)) as stream:
            try:
                while not reader.terminated and (batch := await stream.read()) is not None:
                    for event in batch:
                        for said in reader.feed(event.data):
                            meter.add(said)
                            yield said
                    self._check(meter)
                    if reader.complete:
                        stream.hurry(_TRAILER_SECONDS)
            except ModelError:
                if not reader.complete:  # after the finish reason nothing is lost
                    raise
            for said in reader.end():
                yield said
            yield reader.usage or meter.usage()
            yield Finish(reader.reason)
            await stream.drain()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    def _check(self, meter: Meter) -> None:
        if meter.output_bytes > self.settings.max_answer_bytes:
            raise UpstreamTooLarge("The model's answer is over the size limit.")

    def _body(self, request: ChatRequest) -> bytes:
        body: dict[str, Any] = {
            "model": self.settings.model or self.name,
            "messages": request.messages,
            "stream": True,
        }
        wishes = {
            "stream_options": {"include_usage": True} if self.settings.include_usage else None,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "stop": request.stop or None,
            "seed": request.seed,
            "tools": [_tool(tool) for tool in request.tools] or None,
        }
        body |= {name: value for name, value in wishes.items() if value is not None}
        return msgspec.json.encode(body)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}
