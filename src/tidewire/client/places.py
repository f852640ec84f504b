"""Which channels are read on one connection, and where each of them stands. Pure.

The address names the channels, the cursor has a place for each that is known: so what is
asked for is always the set as it is now, whatever set an id was of. The id of an event
begins with the place of its own channel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tidewire.errors import InvalidCursor
from tidewire.wire.cursor import Position, read_cursor
from tidewire.wire.parser import ServerSentEvent

__all__ = ["Places"]


class Places:
    """``names`` is what is wanted; ``connection`` is its id at the server, once it is known."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(names))
        self.connection: str | None = None
        self._places: dict[str, Position] = {}
        self._owners: dict[str, str] = {}

    def see(self, event: ServerSentEvent) -> None:
        """Takes what the event says, be it of channels that are not wanted (yet)."""
        if event.event == "stream.open":
            told = json.loads(event.data)
            self.connection = told["connection"]
            for place in told["streams"]:
                self._stand(place["stream"], _first(place["cursor"]))
        elif event.event == "stream.reset":
            place = json.loads(event.data)
            self._stand(place["stream"], _first(place["cursor"]))
        elif (position := _first(event.id)) and position.epoch in self._owners:
            self._stand(self._owners[position.epoch], position)

    def of(self, event: ServerSentEvent) -> str:
        """The channel an event is of; empty if it is of none, or of all."""
        if event.event == "stream.open":
            return ""
        if event.event == "stream.reset":
            return str(json.loads(event.data)["stream"])
        position = _first(event.id)
        return self._owners.get(position.epoch, "") if position else ""

    def change(
        self, add: Sequence[str], remove: Sequence[str], places: Iterable[Mapping[str, str]]
    ) -> None:
        """Reads others from now on; ``places`` is how things stood at the server then."""
        for name in remove:
            self._places.pop(name, None)
        kept = [name for name in self.names if name not in remove]
        self.names = list(dict.fromkeys([*kept, *add]))
        for place in places:
            if place["stream"] in add and place["stream"] not in kept:
                self._begin(place["stream"], _first(place["cursor"]))

    def cursor(self) -> str | None:
        """The cursor of the channels that are wanted; None if none of them has a place."""
        known = [str(self._places[name]) for name in self.names if name in self._places]
        return ".".join(known) or None

    def _begin(self, name: str, position: Position | None) -> None:
        """Unless more than that has come already."""
        known = self._places.get(name)
        if not (known and position and known.epoch == position.epoch and known > position):
            self._stand(name, position)

    def _stand(self, name: str, position: Position | None) -> None:
        if name and position:
            self._places[name] = position
            self._owners[position.epoch] = name


def _first(cursor: str) -> Position | None:
    """The position of the event's own channel."""
    try:
        return read_cursor(cursor.partition(".")[0])[0]
    except InvalidCursor:
        return None
