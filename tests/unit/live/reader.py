"""A reader of channels who checks every word: is it told all, once, in order, or told
what is missing? And could it come back from every id that it was given?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tidewire.wire.cursor import read_cursor
from tidewire.wire.parser import Parser, ServerSentEvent


class Published:
    """What was published: for each incarnation (epoch) of each channel, all its events."""

    def __init__(self) -> None:
        self.events: dict[str, list[str]] = {}
        self.names: dict[str, str] = {}
        self.deleted: set[str] = set()


class Reader:
    """What one person knows, over all connections: a place in each incarnation."""

    def __init__(self, published: Published, places: Mapping[str, int] | None = None) -> None:
        self.published = published
        self.places: dict[str, int] = dict(places or {})
        self.cursor: str | None = None
        self.owed: set[str] = set()
        """Incarnations that could not be continued, which it must still be told of."""
        self.gone: set[str] = set()
        self.connection = ""
        self.history: list[tuple[str, dict[str, int]]] = []
        """Every id, and where it left the reader."""
        self._parser = Parser()
        self._is_open = False

    def read(self, data: bytes) -> None:
        for event in self._parser.feed(data):
            self._take(event)
        cursor = self._parser.last_event_id
        if cursor and cursor != self.cursor:  # an id alone, at the start of a connection
            places = dict(_positions(cursor))
            assert all(self.places.get(epoch, at) == at for epoch, at in places.items())
            self.cursor = cursor
            self.history.append((cursor, places))

    def _take(self, event: ServerSentEvent) -> None:
        if event.event == "stream.open":
            self._take_open(json.loads(event.data))
        elif event.event == "stream.reset":
            self._take_reset(json.loads(event.data))
        else:
            self._take_published(event)
        if event.id and event.id != self.cursor:
            assert dict(_positions(event.id)) == self.places, "an id that leads elsewhere"
            self.cursor = event.id
            self.history.append((event.id, dict(self.places)))

    def _take_open(self, told: Any) -> None:
        self.connection = told["connection"]
        before, self.places = self.places, {}
        for place in told["streams"]:
            ((epoch, offset),) = _positions(place["cursor"])
            assert self.published.names[epoch] == place["stream"]
            if epoch in before:
                assert offset == before[epoch], "moved while it was being changed or resumed"
            assert offset <= len(self.published.events[epoch])
            self.places[epoch] = offset
        if not self._is_open:
            names = {place["stream"] for place in told["streams"]}
            self.owed = {e for e in before if e not in self.places and self._matters(e, names)}
        self._is_open = True

    def _matters(self, epoch: str, names: set[str]) -> bool:
        """A place that was lost though its channel was asked for: it must have been deleted."""
        if self.published.names[epoch] not in names and self.cursor and "~" not in self.cursor:
            return False
        assert epoch in self.published.deleted, "a place was lost in silence"
        return True

    def _take_reset(self, told: Any) -> None:
        ((epoch, offset),) = _positions(told["cursor"])
        match told["reason"]:
            case "trimmed":
                assert told["lost"] == offset - self.places[epoch] > 0
                self.places[epoch] = offset
            case "gone" if told["stream"]:
                assert epoch in self.published.deleted
                assert offset == self.places[epoch]
                self.gone.add(epoch)
            case "gone":
                self.owed.remove(epoch)
            case "unknown":
                assert offset == self.places[epoch]
                self.owed = {e for e in self.owed if self._name(e) != told["stream"]}
            case reason:
                raise AssertionError(reason)

    def _take_published(self, event: ServerSentEvent) -> None:
        epoch, offset = next(iter(_positions(event.id)))
        assert offset == self.places[epoch] + 1, "lost or doubled"
        assert event.data == self.published.events[epoch][offset - 1]
        assert epoch not in self.gone
        self.places[epoch] = offset

    def _name(self, epoch: str) -> str:
        return self.published.names[epoch]

    def lacks(self) -> dict[str, int]:
        """How much it has not been given of what still exists."""
        return {
            epoch: len(self.published.events[epoch]) - offset
            for epoch, offset in self.places.items()
            if epoch not in self.published.deleted and len(self.published.events[epoch]) != offset
        }


def _positions(cursor: str) -> Sequence[tuple[str, int]]:
    return [(position.epoch, position.offset) for position in read_cursor(cursor)]
