"""What the questions of all compatible APIs have in common: limits, calls, output shapes.

What cannot be said to a model is refused by name, never dropped: the answer would be to
another question. What is passed over is a vendor's own affair – billing, caching, tracing –
or set for a model once, in its table: docs/compatible.md lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from tidewire.errors import BadRequest
from tidewire.models.base import ChatMessage, Image, OutputSchema, Text, Thought, ToolSpec

__all__ = [
    "MAX_MESSAGES",
    "MAX_TOOLS",
    "ONE_LINE",
    "Json",
    "NotHere",
    "arguments",
    "content",
    "items",
    "merged",
    "output_schema",
    "refused",
    "tool_spec",
]

MAX_MESSAGES = 2000
MAX_TOOLS = 256
ONE_LINE = r"^.+$"
"""What a chat may be called: a route finds no path with a line break in it, and before one
a thread ends in the key of its run."""

Json = dict[str, Any]


def _check_absent(value: Any) -> None:
    if value is not None and value not in (False, "", []):
        raise PydanticCustomError("not_here", "Nothing here can honour this; leave it out")


NotHere = Annotated[None, BeforeValidator(_check_absent)]
"""A field that would make another answer and that no model here can be told of."""


def arguments(text: Any) -> Any:
    """The arguments of a call that an assistant made, from their JSON text."""
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError, TypeError):
        raise BadRequest("The arguments of a tool call are not JSON.") from None


def content(
    message: Json, part: Callable[[Any], Text | Image]
) -> str | list[Text | Image | Thought]:
    """What a message says: text, none where it has no content, or its parts."""
    said = message.get("content")
    if isinstance(said, list):
        return [part(piece) for piece in said]
    if said is None or isinstance(said, str):
        return said or ""
    raise refused("The content of a message", said)


def items(message: Json, name: str) -> list[Any]:
    """What a message lists under ``name``; nothing where it has none."""
    listed = message.get(name)
    if not isinstance(listed, list | None):
        raise refused(f"The {name} of a message", listed)
    return listed or []


def merged(turns: Iterable[ChatMessage]) -> list[ChatMessage]:
    """One turn of an assistant for those that follow each other: there are APIs in which
    what it thought, said and called are messages of their own."""
    found: list[ChatMessage] = []
    for turn in turns:
        if found and turn.role == found[-1].role == "assistant":
            last = found.pop()
            calls = [*last.tool_calls, *turn.tool_calls]
            turn = ChatMessage("assistant", [*last.parts, *turn.parts], calls)
        found.append(turn)
    return found


def output_schema(format: Any) -> OutputSchema | None:
    """The shape that an answer is to have: ``text``, ``json_object`` or ``json_schema``."""
    match format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return OutputSchema({"type": "object"}, strict=False)
        case {"type": "json_schema", "schema": dict(schema)}:
            name = str(format.get("name") or "answer")
            return OutputSchema(schema, name, strict=bool(format.get("strict")))
    raise refused("The output format", format)


def tool_spec(about: Json, parameters: Any) -> ToolSpec:
    """A tool that the model may call; ``parameters`` is its JSON Schema, if it has one."""
    if not isinstance(parameters, dict | None):
        raise refused("The parameters of tool", {"type": about["name"]})
    return ToolSpec(about["name"], str(about.get("description") or ""), parameters or {})


def refused(what: str, value: Any) -> BadRequest:
    """The refusal of a piece of a question, by what it calls itself."""
    kind = value.get("type") or value.get("role") if isinstance(value, dict) else None
    name = kind if isinstance(kind, str) else type(value).__name__
    return BadRequest(f"{what} '{name[:64]}' is malformed, or unknown here.")
