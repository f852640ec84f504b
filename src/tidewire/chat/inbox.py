"""Inbox: what the events of a person's channel, and of everybody's, come to.

Both hold ``notification``; a person's own channel also ``notification.read``, which marks
notifications of either, and ``notification.began``, its first event: broadcasts before
it were for those who were there. Pure.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from tidewire.wire.cursor import Position, read_cursor
from tidewire.wire.event import Event

__all__ = ["Began", "Inbox", "Note", "Read", "write"]


class InboxEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of one type of event; ``at`` is seconds since 1970."""

    type: ClassVar[str]


class Note(InboxEvent, frozen=True, omit_defaults=True):
    type = "notification"
    id: str
    title: str
    at: float
    body: str | None = None
    link: str | None = None
    data: Any = None


class Read(InboxEvent, frozen=True):
    """``unread``: how many are left of those that had come when this was written. No id is
    in two of them: whoever counts adds one for each Note and takes one away for each id."""

    type = "notification.read"
    ids: list[str]
    unread: int
    at: float


class Began(InboxEvent, frozen=True):
    """``everyone``: where everybody's channel stood."""

    type = "notification.began"
    everyone: str
    at: float


def write(event: InboxEvent) -> Event:
    return Event(event.type, msgspec.json.encode(event).decode())


class Inbox:
    """The fold of one of the two channels (chat/folds.py), by offset."""

    def __init__(self) -> None:
        self.notes: dict[int, Note] = {}
        self.read: dict[str, int] = {}
        """Ids that were read, and where it was said."""
        self.began: Position | None = None

    @property
    def last_read(self) -> int:
        """Where something was said to be read last; 0 if that is nowhere."""
        return max(self.read.values(), default=0)

    def apply(self, offset: int, event: Event) -> None:
        if event.type == Note.type:
            self.notes[offset] = msgspec.json.decode(event.data, type=Note)
        elif event.type == Read.type:
            read = msgspec.json.decode(event.data, type=Read)
            self.read.update(dict.fromkeys(read.ids, offset))
        elif event.type == Began.type:
            began = msgspec.json.decode(event.data, type=Began)
            self.began = read_cursor(began.everyone)[0]

    def forget(self, first: int) -> None:
        self.notes = {at: note for at, note in self.notes.items() if at >= first}
        self.read = {id: at for id, at in self.read.items() if at >= first}
        if first > 1:  # both channels are kept equally long: all that is left came after it
            self.began = None
