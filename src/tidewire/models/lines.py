"""Reading NDJSON: bytes in, lines out, each as the event that it stands for.

The counterpart of wire/parser.py for model APIs that stream one JSON document per line
instead of SSE, with the same rule: bytes may be cut anywhere, and the only error is
TooLarge. Pure.
"""

from __future__ import annotations

from tidewire.errors import TooLarge
from tidewire.wire.parser import ServerSentEvent

__all__ = ["LineParser"]


class LineParser:
    """An incremental parser of one stream. ``max_line_bytes`` is without the line's end."""

    def __init__(self, *, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self._failure: TooLarge | None = None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The lines that ``data`` completes; blank ones are left out.

        Raises TooLarge at a line over the limit, and from then on: the lines before it
        are returned first.
        """
        if self._failure is not None:
            raise self._failure
        events: list[ServerSentEvent] = []
        lines, end, rest = data.rpartition(b"\n")
        if end:
            lines = bytes(self._rest) + lines
            self._rest.clear()
            for line in lines.split(b"\n"):
                if not self._fits(len(line)):
                    break
                events += _event(line)
        self._rest += rest
        self._fits(len(self._rest))
        if self._failure is not None and not events:
            raise self._failure
        return events

    def end(self) -> list[ServerSentEvent] | None:
        """The last line, if it came without its end; None if there is no more."""
        if self._failure is not None:
            raise self._failure
        last, self._rest = bytes(self._rest), bytearray()
        return _event(last) or None

    def _fits(self, size: int) -> bool:
        if size > self._max_line_bytes:
            self._rest.clear()
            self._failure = TooLarge(f"A line has more than {self._max_line_bytes} bytes.")
        return self._failure is None


def _event(line: bytes) -> list[ServerSentEvent]:
    text = line.decode("utf-8", "replace").strip()
    return [ServerSentEvent("message", text, "")] if text else []
