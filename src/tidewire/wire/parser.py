"""Reading SSE: bytes in, events out (WHATWG HTML, sections 9.2.5 and 9.2.6).

Bytes may be cut anywhere: the events depend on what arrives, never on how it was
cut. Malformed input is not an error, as in browsers: broken UTF-8 becomes U+FFFD, an
unknown field is skipped. The only error is TooLarge, so that memory stays bounded.

Two ways lead through the parser. ``feed`` is the quick one: nearly every chunk of a
model's stream is one or more whole events, which are decoded at once and taken apart by
C-speed methods, the commoner the form the fewer of them (bench/parser.py measures it).
``_feed_slowly`` reads the rest line by line: an event cut by the network, CR line ends,
NUL, a chunk over a limit. Pure: no I/O, no clock; never reconnects, never waits
for a byte it could do without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from tidewire.errors import TooLarge

__all__ = [
    "MAX_EVENT_BYTES",
    "MAX_LINE_BYTES",
    "MAX_RETRY_MILLISECONDS",
    "Parser",
    "ServerSentEvent",
]

MAX_LINE_BYTES: Final = 1 << 20
MAX_EVENT_BYTES: Final = 8 << 20
MAX_RETRY_MILLISECONDS: Final = 3_600_000

_BOM: Final = b"\xef\xbb\xbf"
# Blocks as servers write them: id, event and data at most once and in this order, up to
# a block of another form, which takes all that remains. "." is any character but LF.
_BLOCKS: Final = re.compile(r"(?:id: (.++)\n)?(?:event: (.*+)\n)?data: (.*+)(?:\n\n|\Z)|([\s\S]+)")


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it is dispatched; ``id`` is the last event id at that moment."""

    event: str
    data: str
    id: str


class Parser:
    """An incremental parser of one event stream after another.

    ``last_event_id`` ("" for none) and ``retry_milliseconds`` (None until the server
    sends one; at most MAX_RETRY_MILLISECONDS) are those of the stream so far and
    outlive a connection. ``last_event_id`` may be set, to resume from a stored id.

    ``on_comment`` is called with what follows the colon of each comment, as it is read.
    Limits count bytes as they arrive: ``max_line_bytes`` for any line without its end,
    ``max_event_bytes`` for the data of one event.
    """

    __slots__ = (
        "_at_start",
        "_between_events",
        "_data",
        "_data_bytes",
        "_event",
        "_failure",
        "_head",
        "_head_event",
        "_id",
        "_line",
        "_max_event_bytes",
        "_max_line_bytes",
        "_on_comment",
        "_safe_bytes",
        "_skip_lf",
        "last_event_id",
        "retry_milliseconds",
    )

    def __init__(
        self,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_event_bytes: int = MAX_EVENT_BYTES,
        on_comment: Callable[[str], object] | None = None,
    ) -> None:
        self.last_event_id = ""
        self.retry_milliseconds: int | None = None
        self._max_line_bytes = max_line_bytes
        self._max_event_bytes = max_event_bytes
        self._safe_bytes = min(max_line_bytes, max_event_bytes)
        self._on_comment = on_comment
        self.reset()

    def reset(self) -> None:
        """Begin with a new connection: what was incomplete is discarded, its id too."""
        self._at_start = True
        self._between_events = False  # the first line may hold a BOM: the long way
        self._expect("message")
        self._skip_lf = False
        self._line = bytearray()
        self._data_bytes = 0
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None
        self._failure: TooLarge | None = None

    def end(self) -> None:
        """The stream has ended. Then as ``reset``.

        Raises TooLarge if a limit was crossed: the end was not that of the stream.
        """
        if self._failure is not None:
            raise self._failure
        self.reset()

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that ``data`` completes, in order.

        Raises TooLarge when a limit is crossed, and on each call from then on until
        ``reset``. Events that were complete before the limit are not lost: they are
        returned, and the next call raises.
        """
        if not self._between_events or len(data) > self._safe_bytes:
            return self._feed_slowly(data)
        whole, blank, rest = data.rpartition(b"\n\n")
        text = whole.decode("utf-8", "replace")
        if not blank or "\r" in text or "\0" in text:
            return self._feed_slowly(data)
        value = text.removeprefix(self._head)
        if value != text and "\n" not in value:
            events = [ServerSentEvent(self._head_event, value, self.last_event_id)]
        elif text.startswith("id: "):
            events = self._read_blocks_with_id(text)
        else:
            events = self._read_blocks(text)
        if rest:
            events += self._feed_slowly(rest)
        return events

    def _read_blocks_with_id(self, text: str) -> list[ServerSentEvent]:
        """As ``_read_blocks``, quicker for a single block with the expected head."""
        id, _, block = text[4:].partition("\n")
        value = block.removeprefix(self._head)
        if value == block or "\n" in value:
            return self._read_blocks(text)
        self.last_event_id = id
        return [ServerSentEvent(self._head_event, value, id)]

    def _read_blocks(self, text: str) -> list[ServerSentEvent]:
        """The events of whole blocks with LF line ends, without the blank line after the last."""
        if text.startswith(self._head):
            values = text.removeprefix(self._head).split(f"\n\n{self._head}")
            if "\n" not in "".join(values):
                event, id = self._head_event, self.last_event_id
                return [ServerSentEvent(event, value, id) for value in values]
        events: list[ServerSentEvent] = []
        for id, event, data, other in _BLOCKS.findall(text):
            if other:  # comments, several data lines, retry … and all that follows
                for line in other.split("\n"):
                    self._read_line(line, events)
                self._dispatch(events)
                return events
            if id:
                self.last_event_id = id
            events.append(ServerSentEvent(event or "message", data, self.last_event_id))
        if events and events[-1].event != self._head_event:
            self._expect(events[-1].event)
        return events

    def _expect(self, event: str) -> None:
        """Streams repeat themselves: often only the data differs from the block before."""
        self._head = "data: " if event == "message" else f"event: {event}\ndata: "
        self._head_event = event

    def _feed_slowly(self, data: bytes) -> list[ServerSentEvent]:
        """As ``feed``, in any state, for any bytes; back to ``feed`` after an open block."""
        if self._failure is not None:
            raise self._failure
        events: list[ServerSentEvent] = []
        try:
            if self._skip_lf or b"\r" in data:
                self._read_bytes(self._end_lines_with_lf(data), events)
            elif self._between_events:
                self._read_bytes(data, events)
            else:
                head, blank, rest = data.partition(b"\n\n")
                self._read_bytes(head + blank, events)
                if rest:
                    events += self.feed(rest)
        except TooLarge as failure:
            self.reset()
            self._failure = failure
            if not events:
                raise
        return events

    def _end_lines_with_lf(self, data: bytes) -> bytes:
        """``data`` with LF for CRLF and CR; the LF after a CR may come in the next chunk."""
        if not data:
            return data
        if self._skip_lf and data.startswith(b"\n"):
            data = data[1:]
        self._skip_lf = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read_bytes(self, data: bytes, events: list[ServerSentEvent]) -> None:
        """Bytes cut anywhere, of any length, lines ended by LF."""
        if self._at_start:
            data = self._without_bom(data)
        lines, lf, rest = data.rpartition(b"\n")
        if lf:
            lines = bytes(self._line) + lines
            self._line.clear()
            for line in lines.split(b"\n"):
                self._count(line)
                # A line ends between characters, so each can be decoded on its own.
                self._read_line(line.decode("utf-8", "replace"), events)
        self._line += rest
        if not self._at_start:
            self._check(len(self._line), self._max_line_bytes, "a line")
        nothing_open = not (self._line or self._data or self._event or self._id is not None)
        self._between_events = nothing_open and not (self._at_start or self._skip_lf)

    def _without_bom(self, data: bytes) -> bytes:
        """The stream's first bytes, as soon as they are a byte order mark or cannot be."""
        data = bytes(self._line) + data
        self._at_start = len(data) < len(_BOM) and _BOM.startswith(data)
        self._line.clear()
        return data.removeprefix(_BOM)

    def _count(self, line: bytes) -> None:
        self._check(len(line), self._max_line_bytes, "a line")
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data_bytes += len(value.removeprefix(b" ")) + 1
            self._check(self._data_bytes - 1, self._max_event_bytes, "an event")

    def _check(self, size: int, limit: int, what: str) -> None:
        if size > limit:
            raise TooLarge(f"The event stream has {what} of more than {limit} bytes.")

    def _read_line(self, line: str, events: list[ServerSentEvent]) -> None:
        if not line:
            self._dispatch(events)
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            # Eight digits exceed the maximum; int() refuses thousands of them.
            milliseconds = int(value.lstrip("0")[:8] or "0")
            self.retry_milliseconds = min(milliseconds, MAX_RETRY_MILLISECONDS)
        elif not name and self._on_comment is not None:
            self._on_comment(line[1:])

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._id is not None:
            self.last_event_id = self._id
        if self._data:
            data = "\n".join(self._data)
            events.append(ServerSentEvent(self._event or "message", data, self.last_event_id))
        self._data.clear()
        self._event = ""
        self._id = None
        self._data_bytes = 0
