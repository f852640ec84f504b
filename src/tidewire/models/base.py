"""The contract of a model adapter: a question in, answer events out.

An adapter reads one model API and yields *content* events only: parts, tools,
sources, files, usage. It opens and closes every part itself. ``run.started`` and the
terminal event belong to the run (runs/): the adapter returns normally after yielding
a ``Finish`` – or raises a ModelError, and what it yielded before that is kept.

Cancelling the iteration (``aclose`` or task cancellation) closes the connection to the
model API at once; nothing is generated, or billed, for nobody.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, ClassVar, Protocol

import msgspec

from tidewire.answers.events import AnswerEvent

__all__ = ["ChatMessage", "ChatRequest", "Finish", "Model", "ToolSpec"]


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of the conversation. ``role``: system, user, assistant or tool."""

    role: str
    content: str


class ToolSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool the model may call; ``parameters`` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked of a model, whichever API it speaks. ``seed`` makes a demo repeatable."""

    messages: list[ChatMessage]
    tools: list[ToolSpec] = []
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] = []
    seed: int | None = None


class Finish(AnswerEvent, frozen=True):
    """The last thing an adapter yields: why the model ended. Never stored itself.

    ``reason``: stop, length, tool_calls, content_filter or other.
    """

    type: ClassVar[str] = "finish"
    reason: str = "stop"


class Model(Protocol):
    """One configured model."""

    name: str

    def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """The answer as content events, ended by one Finish.

        Raises UpstreamRefused, UpstreamUnreachable, UpstreamTimeout, UpstreamBroken
        or UpstreamTooLarge (errors.py). An upstream that ends without its terminator
        is UpstreamBroken.
        """
        ...

    async def aclose(self) -> None:
        """Gives back connections; the model is not used afterwards."""
        ...
