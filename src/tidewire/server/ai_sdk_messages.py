"""The AI SDK's UI messages as turns of a conversation.

A message of an assistant holds several turns: where a tool has answered in it, what
follows was said after that. What a model has no use for – sources, data, the state of
the page – is passed over, and so is a call that nobody has answered: no model would
go on after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tidewire.models.base import ChatMessage, Image, Text, Thought, ToolCall
from tidewire.server.questions import Json, refused

__all__ = ["turns"]


def turns(message: Json) -> Iterator[ChatMessage]:
    """The turns of one message. Raises BadRequest."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        raise refused("A message without parts of role", {"type": message.get("role")})
    match message.get("role"):
        case "system" | "user" as role:
            yield ChatMessage(role, _said(parts))
        case "assistant":
            for step in _steps(parts):
                yield from _step(step)
        case role:
            raise refused("A message of role", {"type": role})


def _steps(parts: Sequence[Any]) -> Iterator[list[Any]]:
    step: list[Any] = []
    for part in parts:
        if _type(part) == "step-start":
            yield step
            step = []
        else:
            step.append(part)
    yield step


def _step(parts: list[Any]) -> Iterator[ChatMessage]:
    """One turn of the assistant, and those of the tools that answered in it."""
    answered = [part for part in parts if _is_call(part) and _output(part) is not None]
    calls = [_call(part) for part in answered]
    said = _said(parts)
    if said or calls:
        yield ChatMessage("assistant", said, calls)
    for part in answered:
        yield ChatMessage("tool", _output(part) or "", tool_call_id=part["toolCallId"])


def _said(parts: Sequence[Any]) -> list[Text | Image | Thought]:
    return [said for part in parts if (said := _piece(part)) is not None]


def _piece(part: Any) -> Text | Image | Thought | None:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "file", "mediaType": str(media_type), "url": str(url)}:
            if media_type.startswith("image/"):
                return Image(url)
            raise refused("A file of type", {"type": media_type})
        case {
            "type": "reasoning",
            "text": str(text),
            "providerMetadata": {"tidewire": {"signature": str(signature)}},
        }:
            return Thought(text, signature)
        case {"type": str()}:
            return None
    raise refused("A part of type", part)


def _is_call(part: Json) -> bool:
    type = _type(part)
    is_call = type == "dynamic-tool" or type.startswith("tool-")
    return is_call and isinstance(part.get("toolCallId"), str)


def _call(part: Json) -> ToolCall:
    name = str(part.get("toolName") or _type(part).removeprefix("tool-"))
    match part:
        case {"callProviderMetadata": {"tidewire": {"signature": str(signature)}}}:
            return ToolCall(part["toolCallId"], name, part.get("input"), signature)
    return ToolCall(part["toolCallId"], name, part.get("input"))


def _output(part: Json) -> str | None:
    """What the tool answered, as a model reads it; None if it has not."""
    match part:
        case {"state": "output-available", "output": output}:
            return output if isinstance(output, str) else msgspec.json.encode(output).decode()
        case {"state": "output-error", "errorText": str(error)}:
            return msgspec.json.encode({"error": error}).decode()
        case {"state": "output-denied"}:
            return '{"error":"denied"}'
    return None


def _type(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else ""
