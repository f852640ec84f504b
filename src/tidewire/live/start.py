"""Where a viewer begins: from its cursor, or from the start, now or the last N.

A cursor is client input: it decides a position only within a stream that the viewer
may read anyway. What cannot be continued is never guessed at: the viewer is put at
the end, without a replay that it did not ask for, and told so (``stream.reset``).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidewire.errors import BadRequest, InvalidCursor
from tidewire.log.base import StreamInfo
from tidewire.wire.cursor import Position, read_cursor

__all__ = ["Start", "Starts", "check_since", "find_start"]


class Start(msgspec.Struct, frozen=True):
    """After ``offset``, and after ``within`` characters of the text event that follows.

    ``reset`` is the reason if this is not what the cursor asked for. ``prime`` sends
    the position as an ``id:`` before anything else, so that an ``EventSource`` that is
    cut off before the first event comes back with a cursor and joins. ``resumed``: the
    cursor named this stream and it goes on from there. ``heard_last``: it named it first, so
    the viewer has heard of this stream last.
    """

    offset: int = 0
    within: int = 0
    reset: str | None = None
    prime: bool = False
    resumed: bool = False
    heard_last: bool = False

    def is_end_of(self, stream: StreamInfo) -> bool:
        """True if nothing comes after it, and never will."""
        return stream.closed and self.offset >= stream.head and not self.reset


class Starts(msgspec.Struct, frozen=True):
    """Where a viewer begins in all that it reads.

    ``is_changed``: these are not the streams that its URL names; its cursor says so.
    ``missing``: places of its cursor in streams that are no more; it is told.
    """

    streams: Sequence[tuple[StreamInfo, Start]]
    is_changed: bool = False
    missing: Sequence[Position] = ()


def find_start(
    stream: StreamInfo, *, cursor: str | None = None, since: str = "start", prime: bool = False
) -> Start:
    """The start for a cursor (``Last-Event-ID``) or, without one, for ``since``.

    ``since`` is ``start``, ``now``, or the number of the latest events to begin with.
    The cursor ``-1``, which some clients send as "nothing yet", means no cursor.
    Raises BadRequest for another ``since``.
    """
    if cursor is None or cursor in ("", "-1"):
        return Start(_offset_since(stream, since), prime=prime)
    try:
        positions = read_cursor(cursor)
    except InvalidCursor:
        return Start(stream.head, reset="malformed", prime=prime)
    here = next((place for place in positions if place.epoch == stream.epoch), None)
    if here is None:
        return Start(stream.head, reset="unknown", prime=prime)
    if here.offset + bool(here.within) > stream.head:
        return Start(stream.head, reset="ahead", prime=prime)
    heard_last = here is positions[0]
    return Start(here.offset, here.within, prime=prime, resumed=True, heard_last=heard_last)


def check_since(since: str) -> str:
    """``since``, as ``find_start`` takes it. Raises BadRequest for another."""
    is_number = since.isascii() and since.isdigit() and len(since) < 10
    if not is_number and since not in ("start", "now"):
        raise BadRequest("'from' is start, now, or how many of the latest events to begin with.")
    return since


def _offset_since(stream: StreamInfo, since: str) -> int:
    if check_since(since) == "start":
        return stream.first - 1
    if since == "now":
        return stream.head
    return max(stream.first - 1, stream.head - int(since))
