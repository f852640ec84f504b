"""Event: a type (the SSE event name) and data (text). Its offset is its place in a stream."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event", "utf8_size"]


class Event(NamedTuple):
    """One event. In a batch, offsets are implied: events of a stream have no holes."""

    type: str
    data: str


def utf8_size(text: str) -> int:
    """How many bytes ``text`` has in UTF-8; of a lone surrogate, which has none, three.

    Whoever counts is never the one to refuse it: that is done where text is stored.
    """
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
