"""What a viewer is told about its streams, beside what is said in them.

Neither stands in any log: both speak of one connection.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

__all__ = ["Open", "Reset"]


class Open(msgspec.Struct, frozen=True):
    """The data of ``stream.open``: what this connection reads, from where.

    Sent first, and again whenever the set has changed. ``connection`` is its id for
    ``PATCH /api/events/{connection}``.
    """

    type: ClassVar[str] = "stream.open"

    class Place(msgspec.Struct, frozen=True):
        """``resumed`` is false for a stream that the cursor did not name."""

        stream: str
        cursor: str
        resumed: bool

    connection: str
    streams: list[Place]


class Reset(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of ``stream.reset``. Reading goes on after ``cursor``, except when ``gone``.

    ``stream`` is empty for a stream of which nothing is known any more but the place
    that the viewer's cursor had in it.

    ``reason``: ``malformed`` (not a cursor), ``unknown`` (of another stream, or of an
    earlier one of this name), ``ahead`` (past the end: the log has lost its last
    moments), ``trimmed`` (retention has removed ``lost`` events), ``gone`` (deleted).
    """

    type: ClassVar[str] = "stream.reset"

    stream: str
    reason: str
    cursor: str
    lost: int | None = None
