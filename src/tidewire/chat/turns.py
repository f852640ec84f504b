"""An answer as turns of the conversation, as the next question takes them to a model.

A message holds several turns: where a tool has answered, what is said next was said after
that. Kept are the text, the calls that were answered, their results, and the thoughts that
a model has signed: it may want them back. Left out is what no model has a use for –
sources, data, files – and a call that nobody answered: no model goes on after one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tidewire.answers.fold import Message, Part, ReasoningPart, TextPart, ToolPart
from tidewire.models.base import ChatMessage, Image, Text, Thought, ToolCall

__all__ = ["turns"]


def turns(message: Message, *, calls: str) -> Iterator[ChatMessage]:
    """The turns of one answer. Its calls are named ``<calls>_1``, ``<calls>_2``, …

    Their own ids may be those of another answer, too, or of a form that another model
    API refuses.
    """
    made = [part.id for part in message.parts if isinstance(part, ToolPart)]
    ids = {id: f"{calls}_{number}" for number, id in enumerate(made, 1)}
    for step in _steps(message.parts):
        yield from _step(step, ids)


def _steps(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The parts up to what was said or thought after a tool had answered, and so on."""
    step: list[Part] = []
    for part in parts:
        if isinstance(part, TextPart | ReasoningPart) and any(map(_is_answered, step)):
            yield step
            step = []
        step.append(part)
    yield step


def _step(parts: Sequence[Part], ids: dict[str, str]) -> Iterator[ChatMessage]:
    """One turn of the assistant, and those of the tools that answered in it."""
    answered = [part for part in parts if isinstance(part, ToolPart) and _is_answered(part)]
    said = [piece for part in parts if (piece := _said(part)) is not None]
    if answered or any(isinstance(piece, Text) for piece in said):
        yield ChatMessage("assistant", said, [_call(part, ids[part.id]) for part in answered])
    for part in answered:
        yield ChatMessage("tool", _result(part), tool_call_id=ids[part.id])


def _is_answered(part: Part) -> bool:
    return isinstance(part, ToolPart) and part.state in ("output", "error")


def _said(part: Part) -> Text | Image | Thought | None:
    match part:
        case TextPart(text=text) if text.strip():  # there are APIs that refuse a blank one
            return Text(text)
        case ReasoningPart(text=text, signature=str(signature)):
            return Thought(text, signature)
    return None


def _call(part: ToolPart, id: str) -> ToolCall:
    return ToolCall(id, part.name, {} if part.input is None else part.input, part.signature)


def _result(part: ToolPart) -> str:
    if part.state == "error":
        return _json({"error": part.error})
    return part.output if isinstance(part.output, str) else _json(_legible(part.output))


def _legible(output: Any) -> Any:
    """Without what a vendor has encrypted for itself: long, and no model can read it."""
    match output:
        case dict():
            items = output.items()
            return {k: _legible(v) for k, v in items if not k.startswith("encrypted_")}
        case list():
            return [_legible(item) for item in output]
    return output


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
