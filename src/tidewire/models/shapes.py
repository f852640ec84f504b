"""Shapes in which several model APIs say the same: calls in fragments, counts of tokens."""

from __future__ import annotations

import msgspec

from tidewire.answers.events import Usage

__all__ = ["Function", "InputDetails", "OutputDetails", "ToolCall", "counted"]


class Function(msgspec.Struct, gc=False):
    """What is called; ``arguments`` is JSON text, or a piece of it."""

    name: str | None = None
    arguments: str | None = None


class Google(msgspec.Struct, gc=False):
    thought_signature: str | None = None


class Extra(msgspec.Struct, gc=False):
    """What Gemini adds where it is asked as OpenAI is."""

    google: Google | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A call, or a fragment of the one with this ``index``."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: Extra | None = None

    @property
    def proof(self) -> str | None:
        """The vendor's proof of the call."""
        extra = self.extra_content
        return extra.google.thought_signature if extra and extra.google else None


class InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


def counted(
    input_tokens: int | None,
    output_tokens: int | None,
    input_details: InputDetails | None,
    output_details: OutputDetails | None,
) -> Usage:
    """The usage of these counts; what was not counted is 0."""
    return Usage(
        input_tokens=input_tokens or 0,
        output_tokens=output_tokens or 0,
        reasoning_tokens=(output_details.reasoning_tokens or 0) if output_details else 0,
        cached_tokens=(input_details.cached_tokens or 0) if input_details else 0,
    )
