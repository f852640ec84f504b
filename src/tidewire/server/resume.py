"""Which channels a request reads and from where: its URL says which, its cursor where.

Once a viewer has changed its set (``PATCH``), its cursor says which, too: an EventSource
repeats the URL that it was made with. What the cursor cannot continue is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tidewire.errors import BadRequest, InvalidCursor, StreamGone, StreamNotFound
from tidewire.live.channels import Channels
from tidewire.live.start import Start, Starts, find_start
from tidewire.log.base import CHANNEL, Log, StreamInfo
from tidewire.wire.cursor import CHANGED, Position, read_cursor

__all__ = ["find_channels"]


async def find_channels(
    log: Log, channels: Channels, names: Sequence[str], *, cursor: str | None, since: str
) -> Starts:
    """The channels ``names``, made where they do not exist, or those of a changed cursor.

    Raises BadRequest for no channel or a bad name, StreamGone if all of a changed
    cursor's channels were deleted.
    """
    positions = _positions(cursor)
    if cursor is not None and cursor.endswith(CHANGED) and positions:
        return await _resume_changed(log, positions, cursor)
    if not names:
        raise BadRequest("Name at least one channel: ?channel=…")
    streams = await asyncio.gather(*map(channels.open, names))
    starts = [find_start(s, cursor=cursor, since=since, prime=True) for s in streams]
    if await _has_new_channels(log, starts, positions):
        for index, stream in enumerate(streams):
            if starts[index].reset == "unknown":
                starts[index] = find_start(stream, since=since, prime=True)
    return Starts(list(zip(streams, starts, strict=True)))


async def _resume_changed(log: Log, positions: list[Position], cursor: str) -> Starts:
    found = await _find_all(log, positions)
    streams = [stream for stream in found if stream is not None]
    if not streams:
        raise StreamGone("The channels of this cursor were deleted.")
    return Starts(
        [(stream, find_start(stream, cursor=cursor, prime=True)) for stream in streams],
        is_changed=True,
        missing=[p for p, stream in zip(positions, found, strict=True) if stream is None],
    )


async def _has_new_channels(
    log: Log, starts: Sequence[Start], positions: Sequence[Position]
) -> bool:
    """True if channels that the cursor does not name are simply new to this viewer.

    Not if it names none of those asked for: it is foreign. Nor if it names one that is
    no more: then it may be that one, made anew.
    """
    unknown = [start for start in starts if start.reset == "unknown"]
    if not 0 < len(unknown) < len(starts):
        return False
    return None not in await _find_all(log, positions)


async def _find_all(log: Log, positions: Sequence[Position]) -> list[StreamInfo | None]:
    """The channel of each position; None where there is none (any more)."""

    async def find(position: Position) -> StreamInfo | None:
        try:
            stream = await log.info(epoch=position.epoch)
        except (StreamNotFound, StreamGone):
            return None
        return stream if stream.name.startswith(CHANNEL) else None

    return await asyncio.gather(*map(find, positions))


def _positions(cursor: str | None) -> list[Position]:
    """Those of a cursor; none if it is none, or malformed, which the viewer is told."""
    try:
        return read_cursor(cursor) if cursor is not None else []
    except InvalidCursor:
        return []
