"""Pieces of request bodies that several model APIs have in common. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from tidewire.errors import UpstreamRefused
from tidewire.models.base import ChatMessage, OutputSchema, ToolCall, ToolSpec

__all__ = [
    "data_of",
    "function_call",
    "function_tool",
    "given",
    "json_schema",
    "json_text",
    "merged",
    "parameters",
    "refused",
    "tool_name",
]


def given(**wishes: Any) -> dict[str, Any]:
    """What of ``wishes`` was wished: neither None nor empty. Zero is a wish."""
    return {
        name: value for name, value in wishes.items() if value is not None and value not in ("", [])
    }


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with ``more`` in it, table by table; ``more`` wins."""
    result = dict(body)
    for name, value in more.items():
        old = result.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def parameters(tool: ToolSpec) -> dict[str, Any]:
    """The tool's JSON Schema; vendors refuse an empty one."""
    return tool.parameters or {"type": "object", "properties": {}}


def function_tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool as OpenAI's chat completions declare it, and many after them."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters(tool),
    }
    return {"type": "function", "function": function}


def function_call(call: ToolCall) -> dict[str, Any]:
    """A call as OpenAI's chat completions tell it: the arguments are JSON in a string."""
    function = {"name": call.name, "arguments": json_text(call.input)}
    return {"id": call.id, "type": "function", "function": function}


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def json_schema(output: OutputSchema) -> dict[str, Any]:
    return {"name": output.name, "schema": output.schema, "strict": output.strict}


def tool_name(messages: Sequence[ChatMessage], call: str) -> str:
    """The tool that ``call`` called; some APIs want it said again with the result."""
    calls = (made for message in messages for made in message.tool_calls)
    name = next((made.name for made in calls if made.id == call), None)
    if name is None:
        raise refused("A tool's result answers no call of this conversation.")
    return name


def data_of(url: str) -> tuple[str, str] | None:
    """The media type and base64 of a ``data:`` URL; None for any other URL."""
    if not url.startswith("data:"):
        return None
    head, _, data = url.removeprefix("data:").partition(",")
    kind, is_base64, _ = head.partition(";base64")
    if not is_base64:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return kind.partition(";")[0] or "text/plain", data


def refused(message: str) -> UpstreamRefused:
    """For what the model API cannot be asked; it is not asked."""
    return UpstreamRefused(message, upstream_status=400)
