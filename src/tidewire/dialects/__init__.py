"""Dialects: answer events written for one front end each. Pure: events in, bytes out."""

from __future__ import annotations

from tidewire.dialects.ag_ui import AgUi
from tidewire.dialects.ai_sdk import AiSdk
from tidewire.dialects.anthropic import Anthropic
from tidewire.dialects.base import Dialect
from tidewire.dialects.chunk import Chunk
from tidewire.dialects.d import D
from tidewire.dialects.delta import Delta
from tidewire.dialects.dify import Dify
from tidewire.dialects.native import Native
from tidewire.dialects.openai import OpenAI
from tidewire.dialects.openai_responses import OpenAIResponses
from tidewire.dialects.typewriter import Typewriter
from tidewire.errors import BadRequest

__all__ = ["DIALECTS", "Dialect", "find_dialect"]

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Native(), D(), Chunk(), Delta(), Typewriter(), Dify(),
        OpenAI(), OpenAIResponses(), Anthropic(), AiSdk(), AgUi(),
    )
}  # fmt: skip


def find_dialect(name: str) -> Dialect:
    """The dialect of this name. Raises BadRequest, naming the known ones."""
    dialect = DIALECTS.get(name)
    if dialect is None:
        raise BadRequest(f"There is no dialect '{name[:40]}'. Known: {', '.join(DIALECTS)}.")
    return dialect
