"""Ollama's own chat API, streamed as NDJSON. Source: the Ollama API, POST /api/chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidewire.models.base import ChatMessage, ChatRequest, Image
from tidewire.models.body import data_of, function_tool, given, refused, tool_name
from tidewire.models.ollama_reader import Reader
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["Ollama", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """Ollama. Its model cannot be made to call a tool, or any certain one: it may.

    Pictures must be ``data:`` URLs. Thoughts are not sent back. ``think`` and
    ``keep_alive`` are asked for in ``body``. Loading a model takes its time, in silence.
    """

    base_url: str = "http://127.0.0.1:11434"
    first_event_timeout_seconds: float = 300.0


class Ollama(VendorModel[Settings]):
    """A model that an Ollama server runs."""

    def _url(self) -> str:
        return self.settings.base_url.rstrip("/") + "/api/chat"

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/x-ndjson", **self.settings.bearer}

    def _reader(self) -> Reader:
        return Reader(self.settings.secrets)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        options = given(
            temperature=request.temperature,
            top_p=request.top_p,
            num_predict=request.max_tokens,
            stop=request.stop,
            seed=request.seed,
            top_k=request.top_k,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
        )
        tools = [] if request.tool_choice == "none" else request.tools
        return {
            "model": self.model,
            "messages": [_message(turn, request.messages) for turn in request.messages],
            "stream": True,
            **given(
                options=options or None,
                tools=[function_tool(tool) for tool in tools],
                format=request.output and request.output.schema,
                think=request.effort,
            ),
        }


def _message(turn: ChatMessage, turns: list[ChatMessage]) -> dict[str, Any]:
    calls = [{"function": {"name": call.name, "arguments": call.input}} for call in turn.tool_calls]
    images = [_image(part.url) for part in turn.parts if isinstance(part, Image)]
    answers = tool_name(turns, turn.tool_call_id) if turn.role == "tool" else None
    return {
        "role": turn.role,
        "content": turn.text,
        **given(images=images, tool_calls=calls, tool_name=answers),
    }


def _image(url: str) -> str:
    if (data := data_of(url)) is None:
        raise refused("Ollama takes pictures as data only, not by URL.")
    return data[1]
