"""Cursors: a place in one or several streams, written as an SSE ``id:``.

A position is ``epoch-offset`` with the offset in base 36; a cursor is one or more
positions joined by ``.``. The epoch names the incarnation of a stream, so a cursor
is self-describing: it never means another stream, and a stream that was deleted and
made anew never honours an old one.

Where one stored event is written as several SSE events (a delta shown character by
character), all but the last carry a *partial* position ``epoch-offset~n``: everything
up to ``offset`` and the first ``n`` characters of the text after it have been sent.

A cursor that ends with ``.~`` says that its streams are *the* set its reader wants,
whatever the URL says: the set was changed while the connection was open.

Alphabet ``[A-Za-z0-9._~-]``, so ``Last-Event-ID`` stays a CORS-safelisted header
(it must be at most 128 bytes for that: ten streams of 36**4 events each fit).
Pure; never decides whether a stream exists or may be read.
"""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple

from tidewire.errors import InvalidCursor

__all__ = [
    "CHANGED",
    "EPOCH_LENGTH",
    "MAX_CURSOR_LENGTH",
    "Position",
    "new_epoch",
    "read_cursor",
    "write_cursor",
]

EPOCH_LENGTH = 6
MAX_CURSOR_LENGTH = 4096  # 100 channels and more; 128 bytes hold ten

CHANGED = ".~"

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_SMALL: Final[list[str]] = [*_BASE36, *(high + low for high in _BASE36[1:] for low in _BASE36)]
_MAX_OFFSET = 2**53 - 1  # JavaScript counts no further, SQLite to 2**63 - 1
_POSITION = re.compile(r"([A-Za-z0-9]{1,16})-(0|[1-9a-z][0-9a-z]{0,10})(?:~([1-9][0-9]{0,8}))?")


class Position(NamedTuple):
    """A place in one stream: all events up to ``offset`` have been seen (0: none).

    ``within`` counts the characters already seen of the text event after ``offset``.
    """

    epoch: str
    offset: int
    within: int = 0

    def __str__(self) -> str:
        place = f"{self.epoch}-{base36(self.offset)}"
        return f"{place}~{self.within}" if self.within else place


def write_cursor(positions: list[Position]) -> str:
    """The cursor of several positions, in the order given."""
    return ".".join(map(str, positions))


def read_cursor(text: str) -> list[Position]:
    """The positions of a cursor, in order, without the mark of a changed set.

    Raises InvalidCursor for anything that no Tidewire server has written: cursors
    come from clients, so their form is checked before any of it is used.
    """
    if not text or len(text) > MAX_CURSOR_LENGTH:
        raise InvalidCursor("A cursor is 1 to 4096 characters.")
    positions = [_read_position(part) for part in text.removesuffix(CHANGED).split(".")]
    if len({position.epoch for position in positions}) < len(positions):
        raise InvalidCursor("A cursor has one place in each stream.")
    return positions


def _read_position(text: str) -> Position:
    match = _POSITION.fullmatch(text)
    if match is None:
        raise InvalidCursor("A cursor is epoch-offset, joined by dots.")
    epoch, offset, within = match.groups()
    position = Position(epoch, int(offset, 36), int(within or 0))
    if position.offset > _MAX_OFFSET:
        raise InvalidCursor("The offset of a cursor is at most 2^53 - 1.")
    return position


def new_epoch() -> str:
    """A fresh random epoch; the log makes sure that no other stream has it."""
    number = secrets.randbelow(62**EPOCH_LENGTH)
    return "".join(_BASE62[number // 62**place % 62] for place in range(EPOCH_LENGTH))


def base36(number: int) -> str:
    """``number`` (not negative) in base 36, as ``int(text, 36)`` reads it."""
    if number < len(_SMALL):
        return _SMALL[number]
    high, low = divmod(number, 36)
    return base36(high) + _SMALL[low]
