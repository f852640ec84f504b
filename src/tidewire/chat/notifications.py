"""Notifications: to one person, on the channel ``user:…``, and to all, on ``everyone``.

What was read is said in the person's own channel, so that all tabs and devices hear of
it, and the count is right after a restart. A broadcast counts for a person if it came
after the first time that he looked at his notifications or was sent one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import msgspec

from tidewire.chat.folds import Folded, Folds
from tidewire.chat.ids import new_id, own_key
from tidewire.chat.inbox import Began, Inbox, Note, Read, write
from tidewire.errors import BadRequest, RequestTooLarge
from tidewire.live.channels import ChannelRule, Channels, channel_stream
from tidewire.live.start import Start
from tidewire.log.base import Log, StreamInfo
from tidewire.wire.cursor import Position, write_cursor
from tidewire.wire.depth import MAX_DEPTH, is_too_deep

__all__ = [
    "EVERYONE",
    "NOTIFICATION_RULES",
    "USER",
    "Draft",
    "Listed",
    "Notifications",
    "Sent",
    "Shown",
]

USER = "user:"
EVERYONE = "everyone"
KEEP_SECONDS = 30 * 86400.0  # of both alike: see Inbox.forget
NOTIFICATION_RULES = (
    ChannelRule(f"{USER}*", max_age_seconds=KEEP_SECONDS, max_publishes_per_second=20),
    ChannelRule(
        EVERYONE, max_events=1000, max_age_seconds=KEEP_SECONDS, max_publishes_per_second=20
    ),
)
MAX_DATA_BYTES = 16 * 1024


class Draft(msgspec.Struct, frozen=True):
    """What somebody is to be told; ``data`` is any JSON of at most MAX_DATA_BYTES, in which
    at most MAX_DEPTH lists and objects stand in each other."""

    title: str
    body: str | None = None
    link: str | None = None
    data: Any = None


class Sent(msgspec.Struct, frozen=True):
    """A notification's place in its stream, and its id."""

    cursor: str
    id: str


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A notification as a person's list shows it; ``to`` is ``user`` or ``everyone``."""

    id: str
    title: str
    at: float
    to: str
    read: bool
    body: str | None = None
    link: str | None = None
    data: Any = None


class Listed(msgspec.Struct, frozen=True):
    """The latest first. ``unread`` counts all, not only those listed; ``cursor`` is where
    a subscription goes on."""

    notifications: list[Shown]
    unread: int
    cursor: str


class _Item(NamedTuple):
    note: Note
    offset: int
    is_own: bool
    is_read: bool


class Notifications:
    """The notifications in a log. Users are checked by who calls."""

    def __init__(
        self, log: Log, channels: Channels, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._channels = channels
        self._folds = Folds(log, Inbox)
        self._marking = WeakValueDictionary[str, asyncio.Lock]()
        self._clock = clock

    async def notify(
        self, user: str, draft: Draft, *, sender: str = "", key: str | None = None
    ) -> Sent:
        """Tells one person; the same ``key`` of the same sender tells it once.

        Raises BadRequest, RequestTooLarge, RateLimited, LogUnavailable.
        """
        await self._begin(user)
        return await self._send(USER + user, draft, own_key(sender, key))

    async def broadcast(self, draft: Draft, *, sender: str = "", key: str | None = None) -> Sent:
        """Tells everybody; else as ``notify``."""
        return await self._send(EVERYONE, draft, own_key(sender, key))

    async def list(self, user: str, *, unread_only: bool = False, limit: int = 50) -> Listed:
        """What a person was told, as far as it is kept. Raises LogUnavailable."""
        own, everyone = await self._begin(user)
        items = _items(own, everyone)
        unread = [item for item in items if not item.is_read]
        listed = sorted(unread if unread_only else items, key=lambda item: -item.note.at)[:limit]
        cursor = write_cursor([own.position, everyone.position])
        return Listed([_show(item) for item in listed], len(unread), cursor)

    async def mark(self, user: str, ids: Iterable[str] | None) -> int:
        """Marks notifications as read, without ``ids`` all that there are now; gives how many
        are unread then. Unknown ids, and those read already, are no error."""
        wanted = None if ids is None else set(ids)
        async with self._marking.setdefault(user, asyncio.Lock()):
            while True:
                own, everyone = await self._begin(user)
                unread = {item.note.id for item in _items(own, everyone) if not item.is_read}
                wanted = unread if wanted is None else wanted & unread
                if not wanted:
                    return len(unread)
                read = Read(sorted(wanted), len(unread - wanted), self._clock())
                # If another server has just marked some, too, this is not stored but done again.
                key = f"read after {own.state.last_read}"
                await self._tell(user, read, key)

    async def starts(self, user: str) -> Sequence[tuple[StreamInfo, Start]]:
        """Both streams of a person, each from its oldest unread notification on."""
        own, everyone = await self._begin(user)
        unread = [item for item in _items(own, everyone) if not item.is_read]
        found = []
        for name, folded, is_own in (USER + user, own, True), (EVERYONE, everyone, False):
            after = [item.offset - 1 for item in unread if item.is_own is is_own]
            stream = await self._channels.open(name)
            found.append((stream, Start(min(after, default=folded.offset), prime=True)))
        return found

    async def _send(self, channel: str, draft: Draft, key: str | None) -> Sent:
        note = Note(new_id(channel, key), at=self._clock(), **msgspec.structs.asdict(draft))
        _check(note)
        return Sent(await self._channels.publish(channel, [write(note)], key=key), note.id)

    async def _tell(self, user: str, event: Read | Began, key: str) -> None:
        await self._channels.publish(USER + user, [write(event)], key=key, is_own=True)

    async def _begin(self, user: str) -> tuple[Folded[Inbox], Folded[Inbox]]:
        """Both inboxes as they are now, a person's own from its first event on."""
        own = await self._folds.get(channel_stream(USER + user))
        if not own.offset:
            everyone = await self._channels.open(EVERYONE)
            began = Began(str(Position(everyone.epoch, everyone.head)), self._clock())
            await self._tell(user, began, Began.type)
            own = await self._folds.get(channel_stream(USER + user))
        return own, await self._folds.get(channel_stream(EVERYONE))


def _check(note: Note) -> None:
    """An event that cannot be read again would spoil the inbox that it is in."""
    try:
        msgspec.json.encode(note)
        data = msgspec.json.encode(note.data)
    except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as exc:
        raise BadRequest("The data of a notification cannot be written as JSON.") from exc
    if len(data) > MAX_DATA_BYTES:
        raise RequestTooLarge(f"The data of a notification is at most {MAX_DATA_BYTES} bytes.")
    if is_too_deep(msgspec.json.decode(data)):
        raise BadRequest(f"The data of a notification is nested more than {MAX_DEPTH} deep.")


def _items(own: Folded[Inbox], everyone: Folded[Inbox]) -> list[_Item]:
    """All that counts for a person."""
    read, began = own.state.read, own.state.began
    after = began.offset if began is not None and began.epoch == everyone.epoch else 0
    notes = [(note, offset, True) for offset, note in own.state.notes.items()]
    notes += [(note, at, False) for at, note in everyone.state.notes.items() if at > after]
    return [_Item(note, offset, is_own, note.id in read) for note, offset, is_own in notes]


def _show(item: _Item) -> Shown:
    note = item.note
    to = "user" if item.is_own else EVERYONE
    return Shown(note.id, note.title, note.at, to, item.is_read, note.body, note.link, note.data)
