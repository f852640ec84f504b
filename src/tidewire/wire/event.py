"""Event: a type (the SSE event name) and data (text). Its offset is its place in a stream."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event"]


class Event(NamedTuple):
    """One event. In a batch, offsets are implied: events of a stream have no holes."""

    type: str
    data: str
