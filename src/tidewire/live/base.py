"""What the hub needs to know of a dialect, of an encoder and of a socket.

An **encoder** turns stored events into bytes; its state depends only on the events it
has encoded, never on a viewer, so one encoder serves everybody who has read as far.
A **sink** is one viewer's way out. Neither ever waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tidewire.wire.event import Event

__all__ = ["Dialect", "Encoder", "Sink", "Viewer", "Visit"]


class Encoder(Protocol):
    """Encodes consecutive events of one stream, in order."""

    def encode(
        self,
        epoch: str,
        first: int,
        events: Sequence[Event],
        *,
        within: int = 0,
        others: str = "",
    ) -> bytes:
        """The bytes for ``events``, the first of them at offset ``first``.

        ``within``: so many characters of the first event's text were sent before and
        are left out. ``others``: the rest of every cursor, for a viewer of several
        streams; only dialects that ``multiplexes`` are given it.
        """
        ...

    def joining(self) -> bytes:
        """What a viewer is told first that begins after the events encoded so far."""
        ...


class Dialect(Protocol):
    """One front-end protocol.

    ``stateful``: its encoders must see a stream from the start. ``multiplexes``: it can
    say which of several streams an event belongs to.
    """

    name: str
    stateful: bool
    multiplexes: bool
    heartbeat: bytes
    """Sent after silence; empty where clients choke on it."""

    def encoder(self) -> Encoder: ...

    def opening(self, cursor: str | None) -> bytes:
        """The first bytes of every response; ``cursor`` is sent as an id, if given."""
        ...

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        """``stream.open`` or ``stream.reset``: an event about the stream, not of it."""
        ...

    def signal(self, type: str, data: str) -> bytes:
        """An event without a place: it was not stored. Empty where it has no meaning."""
        ...

    def farewell(self, retry_milliseconds: int) -> bytes:
        """The last bytes of a response that ends before its stream: come back then."""
        ...


class Viewer(Protocol):
    """Who owns a sink and hears of its changes. The calls must not write to it."""

    def paused(self) -> None:
        """The sink takes no more for now."""
        ...

    def resumed(self) -> None:
        """The sink takes bytes again."""
        ...

    def gone(self) -> None:
        """The other side has left; nothing more will be taken. Called once."""
        ...


class Visit(Protocol):
    """Who wants to know for how long a viewer reads ``stream``, one of several perhaps."""

    stream: str

    def begin(self) -> None: ...

    def end(self) -> None:
        """Called once after each ``begin``, whatever ended it."""
        ...


class Sink(Protocol):
    """One viewer's way out."""

    viewer: Viewer | None
    chunked: bool
    """True if ``write`` wants bytes framed as an HTTP/1.1 chunk (RFC 9112, 7.1)."""
    is_paused: bool
    is_gone: bool

    def write(self, data: bytes) -> None:
        """Takes all of ``data``, at once; may call ``viewer.paused`` before it returns."""
        ...
