"""The contract of a model adapter: a question in, answer events out.

An adapter reads one model API and yields *content* events only: parts, tools,
sources, files, usage. It opens and closes every part itself. ``run.started`` and the
terminal event belong to the run (runs/): the adapter returns normally after yielding
a ``Finish`` – or raises a ModelError, and what it yielded before that is kept.

The request has one shape for all APIs. What an API has no word for is left out, and its
Settings say so; only what would make it another question – a picture that cannot be
sent – is refused, with 400.

Cancelling the iteration (``aclose`` or task cancellation) closes the connection to the
model API at once; nothing is generated, or billed, for nobody.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, ClassVar, Protocol

import msgspec

from tidewire.answers.events import AnswerEvent

__all__ = [
    "ChatMessage",
    "ChatRequest",
    "Finish",
    "Image",
    "Model",
    "OutputSchema",
    "Text",
    "Thought",
    "ToolCall",
    "ToolSpec",
]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A piece of a message's text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture: an ``https:`` URL that the model API fetches, or a ``data:`` URL."""

    url: str


class Thought(msgspec.Struct, frozen=True, tag="thought"):
    """What an assistant thought, with the ``signature`` of its ``reasoning.end``.

    Given back only to the model that signed it (signatures.py); the others are not told.
    """

    text: str
    signature: str


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that an assistant made, as its ``tool.ready`` told it."""

    id: str
    name: str
    input: Any = msgspec.field(default_factory=dict)
    signature: str | None = None


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of the conversation. ``role``: system, user, assistant or tool.

    An assistant's turn may hold ``tool_calls``; a tool's turn answers the one of
    ``tool_call_id``, which comes before it, in text.
    """

    role: str
    content: str | list[Text | Image | Thought] = ""
    tool_calls: list[ToolCall] = []
    tool_call_id: str = ""

    @property
    def parts(self) -> list[Text | Image | Thought]:
        """The content as parts, none of them an empty text."""
        parts = [Text(self.content)] if isinstance(self.content, str) else self.content
        return [part for part in parts if not (isinstance(part, Text) and not part.text)]

    @property
    def text(self) -> str:
        """What of the content is text."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class ToolSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool the model may call; ``parameters`` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class OutputSchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer is to be JSON that fits ``schema``; ``strict``: without exception."""

    schema: dict[str, Any]
    name: str = "answer"
    strict: bool = True


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked of a model, whichever API it speaks. ``seed`` makes a demo repeatable.

    ``tool_choice``: auto, none, required, or the name of the tool to call. ``effort``: how
    hard to think, in the vendor's words: low, medium, high …
    """

    messages: list[ChatMessage]
    tools: list[ToolSpec] = []
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] = []
    seed: int | None = None
    top_p: float | None = None
    tool_choice: str = "auto"
    output: OutputSchema | None = None
    parallel_tool_calls: bool = True
    effort: str | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


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

        Best an Answer (answer.py): it is told without waking a task for each event.
        Raises UpstreamRefused, UpstreamUnreachable, UpstreamTimeout, UpstreamBroken
        or UpstreamTooLarge (errors.py). An upstream that ends without its terminator
        is UpstreamBroken.
        """
        ...

    async def aclose(self) -> None:
        """Gives back connections; the model is not used afterwards."""
        ...
