"""Rooms: people who write to each other. Room ``x`` is the channel ``room:x``.

Owns what is said there; who is there is presence.py's. Everything is an event of the
channel, so a viewer of the room misses nothing, and there is no second store. A deleted
message stays in the stream until retention takes it; ``room.deleted`` follows it, and the
history says only that it was there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from tidewire.chat.folds import Folds
from tidewire.chat.ids import new_id, own_key
from tidewire.chat.people import Deleted, Message, People, Typing, write
from tidewire.errors import BadRequest, Forbidden, NotFound, RateLimited
from tidewire.live.channels import Channels, channel_stream
from tidewire.live.hub import Hub
from tidewire.live.rates import Rates
from tidewire.log.base import CHANNEL, Log, StreamInfo
from tidewire.wire.cursor import Position, read_cursor

__all__ = ["ROOM", "Everybody", "Page", "Posted", "RoomPolicy", "Rooms", "room_channel"]

ROOM = "room:"
WINDOW = 256
_NAME = re.compile(r"\w[\w.@~+-]{0,99}")
_WINDOW_SECONDS = 10.0
_MAX_POSTS = 20
_MAX_HINTS = 5


class RoomPolicy(Protocol):
    """Who may do what. ``room`` is the bare name."""

    async def may_read(self, user: str, room: str) -> bool: ...

    async def may_post(self, user: str, room: str) -> bool: ...

    async def may_moderate(self, user: str, room: str) -> bool: ...


class Everybody:
    """The policy of a server without identity: everybody may do everything."""

    async def may_read(self, user: str, room: str) -> bool:
        return True

    async def may_post(self, user: str, room: str) -> bool:
        return True

    async def may_moderate(self, user: str, room: str) -> bool:
        return True


class Posted(msgspec.Struct, frozen=True):
    """A message's place in the stream, and its id."""

    cursor: str
    id: str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message in the history; one that was deleted has no text."""

    id: str
    user: str
    name: str
    at: float
    text: str | None = None
    deleted: bool = False


class Page(msgspec.Struct, frozen=True):
    """Messages in their order. ``before`` asks for the page before this one, null if
    there is none; ``cursor`` is where a subscription goes on after the newest page."""

    messages: list[Entry]
    before: str | None
    cursor: str


class Rooms:
    """What is said in the rooms of a log. Rooms are checked by ``room_channel``."""

    def __init__(
        self,
        log: Log,
        hub: Hub,
        channels: Channels,
        folds: Folds[People],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._hub = hub
        self._channels = channels
        self._folds = folds
        self._clock = clock
        self._rates = Rates(window_seconds=_WINDOW_SECONDS)

    async def post(
        self,
        room: str,
        user: str,
        name: str,
        text: str,
        *,
        client_id: str | None = None,
        key: str | None = None,
    ) -> Posted:
        """Says something. The same ``key`` of the same person says it once.

        ``client_id`` comes back in the event, so that a client knows its own message.
        Raises RateLimited, RequestTooLarge, LogUnavailable.
        """
        self._limit("You write", _MAX_POSTS, room, user)
        channel, key = room_channel(room), own_key(user, key)
        message = Message(new_id(channel, key), user, name, text, self._clock(), client_id)
        cursor = await self._channels.publish(channel, [write(message)], key=key)
        return Posted(cursor, message.id)

    async def delete(self, room: str, id: str, by: str, *, only_own: bool = False) -> None:
        """Takes a message back. Idempotent.

        Raises Forbidden if it must be ``only_own`` and is another's, NotFound,
        StreamNotFound, LogUnavailable.
        """
        channel = room_channel(room)
        stream = await self._log.info(channel_stream(channel))
        end = stream.head + 1
        while end > stream.first:
            end, found = await self._window(stream, end)
            message = next((message for _, message in found if message.id == id), None)
            if message is not None:
                if only_own and message.user != by:
                    raise Forbidden("Only moderators of this room delete what others wrote.")
                deleted = write(Deleted(id, by, self._clock()))
                await self._channels.publish(channel, [deleted], key=f"deleted {id}")
                return
        raise NotFound("There is no such message in this room.")

    async def history(self, room: str, *, before: str | None = None, limit: int = 50) -> Page:
        """The latest messages, or the latest before a cursor. Empty for a new room.

        Raises BadRequest for a cursor of something else, LogUnavailable.
        """
        stream = await self._channels.open(room_channel(room))
        end = stream.head + 1 if before is None else _offset(before, stream)
        found: list[tuple[int, Message]] = []
        while end > stream.first and len(found) <= limit:
            end, window = await self._window(stream, end)
            found = window + found
        shown = found[-limit:]
        deleted = (await self._folds.get(stream.name)).state.deleted
        return Page(
            [_entry(message, deleted) for _, message in shown],
            str(Position(stream.epoch, shown[0][0])) if len(found) > limit else None,
            str(Position(stream.epoch, stream.head)),
        )

    def hint(self, room: str, user: str, name: str) -> None:
        """Tells who looks at the room, in this process, that somebody is typing.

        It is stored nowhere. Raises RateLimited.
        """
        self._limit("You hint", _MAX_HINTS, room, user)
        self._hub.signal(channel_stream(room_channel(room)), write(Typing(room, user, name)))

    async def names(self, *, after: str = "", limit: int = 100) -> list[str]:
        """Rooms that exist, in the order of their names, those behind ``after``."""
        streams = await self._channels.list(ROOM, after=ROOM + after, limit=limit)
        return [stream.name.removeprefix(CHANNEL + ROOM) for stream in streams]

    async def _window(self, stream: StreamInfo, end: int) -> tuple[int, list[tuple[int, Message]]]:
        """The messages among up to WINDOW events before ``end``, and where these begin."""
        first = max(stream.first, end - WINDOW)
        found: list[tuple[int, Message]] = []
        after = first - 1
        while after < end - 1:
            batch = await self._log.read(
                stream.name, after, limit=end - 1 - after, epoch=stream.epoch
            )
            if not batch.events:
                break
            found += [
                (offset, msgspec.json.decode(event.data, type=Message))
                for offset, event in enumerate(batch.events, batch.first)
                if event.type == Message.type and offset < end
            ]
            after = batch.last
        return first, found

    def _limit(self, what: str, limit: int, room: str, user: str) -> None:
        if not self._rates.allows(f"{what}\n{room}\n{user}", limit):
            raise RateLimited(f"{what} too often.", retry_after_seconds=_WINDOW_SECONDS)


def room_channel(room: str) -> str:
    """The channel of a room. Raises BadRequest for a name that cannot be one."""
    if not _NAME.fullmatch(room):
        raise BadRequest(
            "A room's name is 1 to 100 letters, digits or . @ ~ + - _, "
            "and begins with a letter, digit or _."
        )
    return ROOM + room


def _offset(cursor: str, stream: StreamInfo) -> int:
    for position in read_cursor(cursor):
        if position.epoch == stream.epoch:
            return min(position.offset, stream.head + 1)
    raise BadRequest("'before' is not a cursor of this room.")


def _entry(message: Message, deleted: dict[str, int]) -> Entry:
    is_deleted = message.id in deleted
    text = None if is_deleted else message.text
    return Entry(message.id, message.user, message.name, message.at, text, is_deleted)
