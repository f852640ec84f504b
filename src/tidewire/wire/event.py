"""Event: a type (the SSE event name) and data (text). Its offset is its place in a stream."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event", "utf8_size"]


class Event(NamedTuple):
    """One event. In a batch, offsets are implied: events of a stream have no holes."""

    type: str
    data: str


def utf8_size(text: str) -> int:
    """How many bytes ``text`` has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
