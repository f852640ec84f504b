"""Which channel an event of ``/api/events`` is of. Pure.

``stream.open`` says which incarnation (epoch) is whose; the id of every event begins
with its own.
"""

from __future__ import annotations

import json

from tidewire.errors import InvalidCursor
from tidewire.wire.cursor import read_cursor
from tidewire.wire.parser import ServerSentEvent

__all__ = ["ChannelNames"]


class ChannelNames:
    """Show it every event; ask it for the channel of one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def see(self, event: ServerSentEvent) -> None:
        if event.event != "stream.open":
            return
        for place in json.loads(event.data)["streams"]:
            self._names[read_cursor(place["cursor"])[0].epoch] = place["stream"]

    def of(self, event: ServerSentEvent) -> str:
        """Empty for an event without a place."""
        try:
            return self._names.get(read_cursor(event.id)[0].epoch, "")
        except InvalidCursor:
            return ""
