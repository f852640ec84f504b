"""DashScope's native API (Tongyi Qianwen). Source: the Model Studio API reference,
POST /services/aigc/text-generation/generation and …/multimodal-generation/generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidewire.models.base import ChatMessage, ChatRequest, Image, Text
from tidewire.models.body import function_call, function_tool, given, json_schema, refused
from tidewire.models.dashscope_reader import Reader
from tidewire.models.openai import parallel_tool_calls, tool_choice
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["DashScope", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """DashScope. Thoughts are not sent back.

    ``multimodal``: the model is one that sees, which has an address of its own; only it
    takes pictures. ``incremental_output`` false is for models that only repeat, in every
    event, all they have said so far. What is this vendor's own is asked for in ``body``:
    ``parameters = { enable_thinking = true, enable_search = true }``.
    """

    base_url: str = "https://dashscope.aliyuncs.com/api/v1"
    multimodal: bool = False
    incremental_output: bool = True


class DashScope(VendorModel[Settings]):
    """A model behind DashScope's native API."""

    def _url(self) -> str:
        kind = "multimodal-generation" if self.settings.multimodal else "text-generation"
        return f"{self.settings.base_url.rstrip('/')}/services/aigc/{kind}/generation"

    def _headers(self) -> dict[str, str]:
        return {"X-DashScope-SSE": "enable", **self.settings.bearer}

    def _reader(self) -> Reader:
        incremental = self.settings.incremental_output
        return Reader(self.settings.secrets, incremental=incremental)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        output = request.output
        return {
            "model": self.model,
            "input": {"messages": [self._message(turn) for turn in request.messages]},
            "parameters": {
                "result_format": "message",
                "incremental_output": self.settings.incremental_output,
                **given(
                    temperature=request.temperature,
                    top_p=request.top_p,
                    max_tokens=request.max_tokens,
                    stop=request.stop,
                    seed=request.seed,
                    tools=[function_tool(tool) for tool in request.tools],
                    tool_choice=tool_choice(request.tool_choice),
                    parallel_tool_calls=parallel_tool_calls(request),
                    top_k=request.top_k,
                    presence_penalty=request.presence_penalty,
                    response_format=output
                    and {"type": "json_schema", "json_schema": json_schema(output)},
                ),
            },
        }

    def _message(self, turn: ChatMessage) -> dict[str, Any]:
        calls = [function_call(call) for call in turn.tool_calls]
        return {
            "role": turn.role,
            "content": self._content(turn),
            **given(tool_calls=calls, tool_call_id=turn.tool_call_id),
        }

    def _content(self, turn: ChatMessage) -> Any:
        if self.settings.multimodal:
            return [_part(part) for part in turn.parts if isinstance(part, Text | Image)]
        if any(isinstance(part, Image) for part in turn.parts):
            raise refused(f"{self.name} takes no pictures; set multimodal for a model that does.")
        return turn.text


def _part(part: Text | Image) -> dict[str, Any]:
    return {"image": part.url} if isinstance(part, Image) else {"text": part.text}
