"""OpenAI's Responses API. Source: the OpenAI API reference, POST /v1/responses, stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolSpec
from tidewire.models.body import given, json_schema, json_text, parameters
from tidewire.models.openai import parallel_tool_calls
from tidewire.models.openai_responses_reader import Reader
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["OpenAIResponses", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """Responses, of OpenAI and of what is compatible. There is no seed and no stop.

    ``encrypted_reasoning`` asks for thoughts in a form that can be sent back; models
    that do not think refuse the question. Nothing is stored at the vendor. The last
    event repeats the whole answer in one line, so lines may be long.
    """

    base_url: str = "https://api.openai.com/v1"
    encrypted_reasoning: bool = False
    max_line_bytes: int = 33_554_432


class OpenAIResponses(VendorModel[Settings]):
    """A model behind OpenAI's Responses API."""

    def _url(self) -> str:
        return self.settings.base_url.rstrip("/") + "/responses"

    def _headers(self) -> dict[str, str]:
        return self.settings.bearer

    def _reader(self) -> Reader:
        return Reader(self.settings.secrets)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        output = request.output
        encrypted = ["reasoning.encrypted_content"] if self.settings.encrypted_reasoning else []
        return {
            "model": self.model,
            "input": [item for turn in request.messages for item in _items(turn)],
            "stream": True,
            "store": False,
            **given(
                include=encrypted,
                temperature=request.temperature,
                top_p=request.top_p,
                max_output_tokens=request.max_tokens,
                tools=[_tool(tool) for tool in request.tools],
                tool_choice=_tool_choice(request.tool_choice),
                parallel_tool_calls=parallel_tool_calls(request),
                reasoning={"effort": request.effort} if request.effort else None,
                text=output and {"format": {"type": "json_schema", **json_schema(output)}},
            ),
        }


def _items(turn: ChatMessage) -> Iterator[dict[str, Any]]:
    """A turn as items: its thoughts, what was said, and the calls stand beside each other."""
    if turn.role == "tool":
        yield {"type": "function_call_output", "call_id": turn.tool_call_id, "output": turn.text}
        return
    for part in turn.parts:
        if isinstance(part, Thought):
            yield _reasoning(part)
    if content := _content(turn):
        yield {"role": turn.role, "content": content}
    for call in turn.tool_calls:
        made = {"call_id": call.id, "name": call.name, "arguments": json_text(call.input)}
        yield {"type": "function_call", **made}


def _reasoning(thought: Thought) -> dict[str, Any]:
    id, _, encrypted = thought.signature.partition(":")
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    return {"type": "reasoning", "id": id, "summary": summary, "encrypted_content": encrypted}


def _content(turn: ChatMessage) -> Any:
    if any(isinstance(part, Image) for part in turn.parts):
        return [_part(part) for part in turn.parts if isinstance(part, Text | Image)]
    return turn.text


def _part(part: Text | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "input_image", "image_url": part.url, "detail": "auto"}
    return {"type": "input_text", "text": part.text}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters(tool),
        "strict": False,
    }


def _tool_choice(choice: str) -> Any:
    if choice == "auto":
        return None
    return choice if choice in ("none", "required") else {"type": "function", "name": choice}
