"""Anthropic's Messages API. Source: the API reference, POST /v1/messages, stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidewire.models.anthropic_reader import REDACTED, Reader
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolSpec
from tidewire.models.body import data_of, given, parameters
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["Anthropic", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """Anthropic's Messages. It has no seed, and a schema is always strict.

    ``max_tokens`` is for requests that set no limit, which this API requires. Thinking
    is asked for in ``body``: ``thinking = { type = "enabled", budget_tokens = 4096 }``.
    """

    base_url: str = "https://api.anthropic.com/v1"
    version: str = "2023-06-01"
    max_tokens: int = 8192


class Anthropic(VendorModel[Settings]):
    """A model behind Anthropic's API, or one that is compatible."""

    def _url(self) -> str:
        return self.settings.base_url.rstrip("/") + "/messages"

    def _headers(self) -> dict[str, str]:
        key = {"x-api-key": self.settings.api_key}
        return {"anthropic-version": self.settings.version, **given(**key)}

    def _reader(self) -> Reader:
        return Reader(self.settings.secrets)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        system = [turn.text for turn in request.messages if turn.role == "system"]
        return {
            "model": self.model,
            "messages": _messages(request.messages),
            "max_tokens": request.max_tokens or self.settings.max_tokens,
            "stream": True,
            **given(
                system="\n\n".join(system),
                temperature=request.temperature,
                top_p=request.top_p,
                top_k=request.top_k,
                stop_sequences=request.stop,
                output_config=_output_config(request) or None,
                **self._tools(request),
            ),
        }

    def _tools(self, request: ChatRequest) -> dict[str, Any]:
        """The tools of a conversation must be declared, also where none may be called now."""
        tools, choice = request.tools, request.tool_choice
        if not tools and "tools" not in self.settings.body:
            tools = _called(request.messages)
            choice = "none" if tools else "auto"
        parallel = request.parallel_tool_calls or not tools
        return {
            "tools": [_tool(tool) for tool in tools],
            "tool_choice": _tool_choice(choice, parallel=parallel),
        }


def _called(turns: list[ChatMessage]) -> list[ToolSpec]:
    names = dict.fromkeys(call.name for turn in turns for call in turn.tool_calls)
    return [ToolSpec(name) for name in names]


def _messages(turns: list[ChatMessage]) -> list[dict[str, Any]]:
    """User and assistant in turns, as the API wants them: what follows one another is one.

    The results of tools are told by the user, all results of one turn together.
    """
    messages: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "system":
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = list(_blocks(turn))
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": role, "content": blocks})
    return messages


def _blocks(turn: ChatMessage) -> Iterator[dict[str, Any]]:
    content = [_block(part) for part in turn.parts]
    if turn.role == "tool":
        yield {"type": "tool_result", "tool_use_id": turn.tool_call_id, "content": content}
        return
    yield from content
    for call in turn.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}


def _block(part: Text | Image | Thought) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part.url)}
    if part.signature.startswith(REDACTED):
        return {"type": "redacted_thinking", "data": part.signature.removeprefix(REDACTED)}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _source(url: str) -> dict[str, Any]:
    if (data := data_of(url)) is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": data[0], "data": data[1]}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    about = given(description=tool.description)
    return {"name": tool.name, **about, "input_schema": parameters(tool)}


def _tool_choice(choice: str, *, parallel: bool) -> dict[str, Any] | None:
    if choice == "auto" and parallel:
        return None
    known = {"auto": "auto", "none": "none", "required": "any"}
    wish = {"type": known[choice]} if choice in known else {"type": "tool", "name": choice}
    return wish if parallel or choice == "none" else {**wish, "disable_parallel_tool_use": True}


def _output_config(request: ChatRequest) -> dict[str, Any]:
    schema = request.output and {"type": "json_schema", "schema": request.output.schema}
    return given(format=schema, effort=request.effort)
