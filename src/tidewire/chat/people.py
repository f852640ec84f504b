"""The events of a room, and what they come to: who is there, and what was deleted.

``room.joined`` and ``room.left`` are what people see. With several servers on one log
somebody may be there by the word of more than one; ``room.present`` is what a server says
that is not the first to have him, or not the last to lose him.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tidewire.wire.event import Event

__all__ = ["Deleted", "Joined", "Left", "Message", "People", "Present", "Stay", "Typing", "write"]


class RoomEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of one type of event; ``at`` is seconds since 1970."""

    type: ClassVar[str]


class Message(RoomEvent, frozen=True, omit_defaults=True):
    type = "room.message"
    id: str
    user: str
    name: str
    text: str
    at: float
    client_id: str | None = None


class Deleted(RoomEvent, frozen=True):
    type = "room.deleted"
    id: str
    by: str
    at: float


class Joined(RoomEvent, frozen=True):
    type = "room.joined"
    user: str
    name: str
    at: float
    server: str


class Left(RoomEvent, frozen=True):
    type = "room.left"
    user: str
    name: str
    at: float


class Present(RoomEvent, frozen=True):
    type = "room.present"
    user: str
    server: str
    here: bool


class Typing(RoomEvent, frozen=True):
    type = "room.typing"
    room: str
    user: str
    name: str


def write(event: RoomEvent) -> Event:
    return Event(event.type, msgspec.json.encode(event).decode())


class Stay:
    """Somebody's time in a room. ``offset`` is that of its ``room.joined``."""

    __slots__ = ("name", "offset", "servers", "since")

    def __init__(self, joined: Joined, offset: int) -> None:
        self.name = joined.name
        self.since = joined.at
        self.offset = offset
        self.servers = {joined.server}


class People:
    """The fold of a room (chat/folds.py)."""

    def __init__(self) -> None:
        self.stays: dict[str, Stay] = {}
        self.left: dict[str, int] = {}
        """Who has left, and where it was said last."""
        self.deleted: dict[str, int] = {}
        """Ids of deleted messages, and where it was said."""

    def apply(self, offset: int, event: Event) -> None:
        kind = _KINDS.get(event.type)
        if kind is None:
            return
        change = msgspec.json.decode(event.data, type=kind)
        if isinstance(change, Joined):
            self._join(offset, change)
        elif isinstance(change, Left):
            self.stays.pop(change.user, None)
            self.left[change.user] = offset
        elif isinstance(change, Deleted):
            self.deleted[change.id] = offset
        elif isinstance(change, Present) and change.user in self.stays:
            servers = self.stays[change.user].servers
            (servers.add if change.here else servers.discard)(change.server)

    def forget(self, first: int) -> None:
        """People stay, though retention has removed what said that they had come."""
        for said in (self.left, self.deleted):
            for each in [each for each, offset in said.items() if offset < first]:
                del said[each]

    def _join(self, offset: int, joined: Joined) -> None:
        stay = self.stays.get(joined.user)
        if stay is None:
            self.stays[joined.user] = Stay(joined, offset)
        else:  # what said that he had left, or come before, is gone
            stay.servers.add(joined.server)


_KINDS: dict[str, type[RoomEvent]] = {kind.type: kind for kind in (Joined, Left, Present, Deleted)}
