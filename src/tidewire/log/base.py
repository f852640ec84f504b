"""The log: append-only streams of events, whoever stores them.

A stream has a name and an **epoch** (random, unique to this incarnation); its events
have offsets 1, 2, 3 … without holes. It is open until it is closed, once, together
with its last event. A store promises:

- What an append has acknowledged survives the death of the process at any moment.
- Appends of one stream are stored in the order of the calls; all appends of one turn
  of the event loop, over all streams, are one commit.
- The ``listener`` hears of every commit after it is durable, on the event loop, in
  order, and before the append's future is resolved. A store that processes share lets
  it hear of their commits, too, soon after.
- Reads see everything acknowledged, and never a part of a commit.

Storage that fails raises LogUnavailable and has stored nothing of that append, nor of
any later append that was made before the failure could be known: no stream gets a hole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from tidewire.wire.event import Event, utf8_size

__all__ = [
    "CHANNEL",
    "Batch",
    "Catalogue",
    "Commit",
    "Expiring",
    "Leases",
    "Listener",
    "Log",
    "Retention",
    "StreamInfo",
    "check_name",
    "check_owner",
    "data_size",
    "take_batch",
]

MAX_NAME_LENGTH = 255
CHANNEL = "channel/"
"""The names of channels' streams begin with this; no other stream's name does."""
READ_BYTES = 65_536
_OWNER = re.compile("[A-Za-z0-9_-]{1,64}")


class Retention(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much of an open stream is kept; what is over is trimmed from its start.

    ``max_bytes`` counts the data in UTF-8. Trimming is lazy: a stream may hold up to a
    tenth more. None: no limit.
    """

    max_events: int | None = None
    max_bytes: int | None = None
    max_age_seconds: float | None = None


class StreamInfo(msgspec.Struct, frozen=True):
    """A stream at one moment. ``first``..``head`` can be read; empty if first > head."""

    name: str
    epoch: str
    first: int
    head: int
    closed: bool
    fence: int
    created: bool = False
    """True in the answer of the ``create`` call that made it."""


class Batch(NamedTuple):
    """Consecutive events read from a stream, the first at offset ``first``.

    ``head`` and ``closed`` describe the stream at the same moment.
    """

    first: int
    events: Sequence[Event]
    head: int
    closed: bool

    @property
    def last(self) -> int:
        """The offset of the last event; ``first - 1`` if there is none."""
        return self.first + len(self.events) - 1


def data_size(event: Event) -> int:
    """How many bytes the data of an event has in UTF-8."""
    return utf8_size(event.data)


def take_batch(events: Iterable[Event]) -> list[Event]:
    """As many of ``events`` as one read may give."""
    taken: list[Event] = []
    size = 0
    for event in events:
        taken.append(event)
        size += data_size(event)
        if size >= READ_BYTES:
            break
    return taken


class Commit(msgspec.Struct, gc=False):
    """What one commit added to one stream; or, ``deleted``, that it is no more."""

    stream: str
    first: int
    events: list[Event]
    closed: bool
    epoch: str
    deleted: bool = False

    @classmethod
    def of_deleted(cls, stream: str, epoch: str) -> Commit:
        return cls(stream, 0, [], True, epoch, deleted=True)


Listener = Callable[[Sequence[Commit]], None]


class Log(Protocol):
    """A store of streams. One instance belongs to one event loop."""

    listener: Listener | None
    failure: str | None
    """Why the last write failed, for readiness; None while writes succeed."""

    async def open(self) -> None:
        """Makes the store ready, also one that was closed. Raises LogUnavailable or ConfigError."""
        ...

    async def close(self) -> None:
        """Ends all pending appends, then lets go of the store; later ones fail with
        LogUnavailable. Closing again does nothing."""
        ...

    def create(
        self, name: str, *, retention: Retention | None = None, owner: str | None = None
    ) -> asyncio.Future[StreamInfo]:
        """The stream of this name, made if it does not exist (``created`` tells).

        What is appended from now on comes behind it, so nobody has to wait in between. The
        future raises LogUnavailable.
        ``retention``, if given, holds from now on, for a stream that exists as well.
        ``owner`` names the lease under which a new stream is written (see Leases).
        A name that was deleted begins anew, under another epoch.
        """
        ...

    def append(
        self,
        name: str,
        events: Sequence[Event],
        *,
        close: bool = False,
        fence: int | None = None,
        key: str | None = None,
        epoch: str | None = None,
    ) -> asyncio.Future[int]:
        """Adds events at the end; the future gives the offset of the last one.

        Needs no await to take effect. ``close`` ends the stream with these events.
        ``fence``, if given, must be the stream's present fence, else Fenced. ``key``
        makes it idempotent: a key already seen in this stream stores nothing and
        gives the earlier offset. ``epoch``, if given, must be the stream's present one,
        else StreamGone: it was deleted and made anew. The future raises StreamNotFound, StreamGone,
        StreamClosed, Fenced, LogUnavailable, or InvalidField for a lone surrogate.
        """
        ...

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        """Up to ``limit`` events with offsets over ``after``, oldest first.

        Gives fewer when they come to more than READ_BYTES of data, but at least one.
        Starts later than ``after + 1`` if events were trimmed there. ``epoch`` as in
        ``append``. Raises StreamNotFound, StreamGone.
        """
        ...

    async def info(self, name: str | None = None, *, epoch: str | None = None) -> StreamInfo:
        """A stream by name or by epoch. Raises StreamNotFound, StreamGone."""
        ...

    async def delete(self, name: str) -> None:
        """Removes a stream. Its name answers StreamGone for a while. Idempotent.

        The listener hears of it as of a commit, in order with the others.
        """
        ...


@runtime_checkable
class Catalogue(Protocol):
    """Finding streams by their names, for stores that can."""

    async def streams(self, prefix: str, *, after: str = "", limit: int = 100) -> list[StreamInfo]:
        """Up to ``limit`` streams whose names begin with ``prefix``, in the order of their
        names, those behind the name ``after``."""
        ...


@runtime_checkable
class Leases(Protocol):
    """Ownership of streams across processes, for stores that outlive a process."""

    async def hold(self, owner: str, seconds: float) -> None:
        """Says that ``owner`` lives for at least ``seconds`` more.

        ``owner`` is 1 to 64 letters, digits, ``-`` and ``_``, new for each process.
        """
        ...

    async def orphans(self) -> list[str]:
        """Open streams whose owner is dead: process known gone, or lease expired.

        To be asked as often as leases are renewed: one may seem expired because the clock
        has jumped or the store was away, so a store may wait whether it is renewed.
        """
        ...

    async def seize(self, name: str, owner: str) -> int:
        """Takes a stream over: its fence rises, so the former owner can append no more.

        Gives the new fence. Raises StreamNotFound, StreamGone, StreamClosed.
        """
        ...


@runtime_checkable
class Expiring(Protocol):
    """Letting go of what is old, for stores that keep more than there is room for."""

    async def expire(self, *, closed_before_seconds: float) -> int:
        """Deletes streams closed longer ago than this; gives their number.

        Also trims open streams by age. May do a part only, unless it gives 0.
        """
        ...


def check_owner(owner: str) -> str:
    """``owner``, if a lease can bear it. It becomes the name of a file."""
    if not _OWNER.fullmatch(owner):
        raise ValueError("An owner is 1 to 64 letters, digits, - and _.")
    return owner


def check_name(name: str) -> str:
    """``name``, if a stream can bear it: 1 to 255 printable characters, no blanks."""
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable() or " " in name:
        raise ValueError("A stream name is 1 to 255 printable characters without blanks.")
    return name
