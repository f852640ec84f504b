"""OpenAI's chat completions, and every API that is compatible with them.

Source: the OpenAI API reference, POST /v1/chat/completions, stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidewire.models.base import ChatMessage, ChatRequest, Image, OutputSchema, Text, ToolCall
from tidewire.models.body import function_call, function_tool, given, json_schema
from tidewire.models.openai_reader import Reader
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["OpenAI", "Settings", "message", "parallel_tool_calls", "tool_choice"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """Chat completions, of OpenAI and of all that are compatible. Thoughts are not sent back.

    ``include_usage`` asks for usage at the end; a few servers refuse the question.
    ``max_tokens_name``: what the limit is called, ``max_completion_tokens`` by OpenAI's
    reasoning models.
    """

    base_url: str = "https://api.openai.com/v1"
    include_usage: bool = True
    max_tokens_name: str = "max_tokens"


class OpenAI(VendorModel[Settings]):
    """A model behind an OpenAI-compatible API."""

    def _url(self) -> str:
        return self.settings.base_url.rstrip("/") + "/chat/completions"

    def _headers(self) -> dict[str, str]:
        return self.settings.bearer

    def _reader(self) -> Reader:
        return Reader(self.settings.secrets)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [message(one) for one in request.messages],
            "stream": True,
            **given(
                stream_options={"include_usage": True} if self.settings.include_usage else None,
                temperature=request.temperature,
                top_p=request.top_p,
                stop=request.stop,
                seed=request.seed,
                tools=[function_tool(tool) for tool in request.tools],
                tool_choice=tool_choice(request.tool_choice),
                parallel_tool_calls=parallel_tool_calls(request),
                response_format=_response_format(request.output),
                reasoning_effort=request.effort,
                presence_penalty=request.presence_penalty,
                frequency_penalty=request.frequency_penalty,
            ),
            **given(**{self.settings.max_tokens_name: request.max_tokens}),
        }


def message(turn: ChatMessage) -> dict[str, Any]:
    """A turn of the conversation; text alone stays a string, as every server takes it."""
    calls = [_call(call) for call in turn.tool_calls]
    has_images = any(isinstance(part, Image) for part in turn.parts)
    content: Any = turn.text
    if has_images:
        content = [_part(part) for part in turn.parts if isinstance(part, Text | Image)]
    elif calls and not content:
        content = None
    return {
        "role": turn.role,
        "content": content,
        **given(tool_calls=calls, tool_call_id=turn.tool_call_id),
    }


def tool_choice(choice: str) -> Any:
    """``auto`` goes without saying, and is refused where there are no tools."""
    if choice == "auto":
        return None
    if choice in ("none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def parallel_tool_calls(request: ChatRequest) -> bool | None:
    """True goes without saying, and nothing may be said where there are no tools."""
    return False if request.tools and not request.parallel_tool_calls else None


def _call(call: ToolCall) -> dict[str, Any]:
    """Gemini signs its calls here, too, and wants the signature back where it stood."""
    google = call.signature and {"google": {"thought_signature": call.signature}}
    return {**function_call(call), **given(extra_content=google)}


def _part(part: Text | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": part.url}}
    return {"type": "text", "text": part.text}


def _response_format(output: OutputSchema | None) -> Any:
    return output and {"type": "json_schema", "json_schema": json_schema(output)}
