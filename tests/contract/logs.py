"""Small words for tests of logs."""

from __future__ import annotations

from tidewire.log.base import Log
from tidewire.wire.event import Event


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def events(*data: str) -> list[Event]:
    return [Event("text.delta", each) for each in data]


async def read_all(log: Log, name: str, after: int = 0) -> list[str]:
    """The data of all events after an offset; there must be no hole among them."""
    found: list[str] = []
    while (batch := await log.read(name, after)).events:
        assert batch.first == after + 1
        found += [event.data for event in batch.events]
        after = batch.last
    assert after == batch.head
    return found
