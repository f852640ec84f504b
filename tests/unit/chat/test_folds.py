"""A fold is what the stream comes to, whenever it is asked."""

from __future__ import annotations

import asyncio

from tidewire.chat.folds import Folds
from tidewire.log.base import Retention
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event


class Seen:
    """Every event that is left, by offset."""

    def __init__(self) -> None:
        self.events: dict[int, str] = {}

    def apply(self, offset: int, event: Event) -> None:
        assert offset not in self.events, "applied twice"
        self.events[offset] = event.data

    def forget(self, first: int) -> None:
        self.events = {at: data for at, data in self.events.items() if at >= first}


async def append(log: MemoryLog, *data: str) -> None:
    await log.append("s", [Event("message", each) for each in data])


async def test_of_no_stream_it_is_nothing() -> None:
    folded = await Folds(MemoryLog(), Seen).get("s")
    assert (folded.epoch, folded.offset, folded.state.events) == ("", 0, {})


async def test_it_reads_on() -> None:
    log = MemoryLog()
    folds = Folds(log, Seen)
    stream = await log.create("s")
    await append(log, "a", "b")
    assert (await folds.get("s")).state.events == {1: "a", 2: "b"}
    await append(log, "c")
    folded = await folds.get("s")
    assert folded.state.events == {1: "a", 2: "b", 3: "c"}
    assert str(folded.position) == f"{stream.epoch}-3"


async def test_it_reads_in_several_batches() -> None:
    log = MemoryLog()
    await log.create("s")
    for _ in range(5):
        await append(log, *["x" * 1000] * 100)
    assert len((await Folds(log, Seen).get("s")).state.events) == 500


async def test_who_ask_at_the_same_time_share_the_reading() -> None:
    log = MemoryLog()
    folds = Folds(log, Seen)
    await log.create("s")
    await append(log, *["x"] * 1000)
    found = await asyncio.gather(*(folds.get("s") for _ in range(10)))
    assert {len(folded.state.events) for folded in found} == {1000}


async def test_a_stream_made_anew_is_folded_anew() -> None:
    log = MemoryLog()
    folds = Folds(log, Seen)
    await log.create("s")
    await append(log, "a", "b")
    await folds.get("s")
    await log.delete("s")
    assert (await folds.get("s")).state.events == {}
    await log.create("s")
    await append(log, "c", "d", "e")
    assert (await folds.get("s")).state.events == {1: "c", 2: "d", 3: "e"}


async def test_a_stream_made_anew_between_two_looks_is_folded_anew() -> None:
    log = MemoryLog()
    folds = Folds(log, Seen)
    await log.create("s")
    await append(log, "a")
    await folds.get("s")
    await log.delete("s")
    await log.create("s")
    await append(log, "b", "c")
    assert (await folds.get("s")).state.events == {1: "b", 2: "c"}


async def test_what_is_trimmed_is_forgotten_by_old_folds_and_unknown_to_new_ones() -> None:
    log = MemoryLog()
    old = Folds(log, Seen)
    await log.create("s", retention=Retention(max_events=10))
    await append(log, *"0123456789")
    await old.get("s")
    await append(log, *"abcd")
    new = Folds(log, Seen)
    assert (await old.get("s")).state.events == (await new.get("s")).state.events
    assert len((await new.get("s")).state.events) == 10


async def test_a_stream_of_which_nothing_is_left_still_has_its_place() -> None:
    log = MemoryLog()
    await log.create("s", retention=Retention(max_bytes=1))
    await append(log, "long")
    assert (await Folds(log, Seen).get("s")).offset == 1


async def test_those_not_asked_for_in_a_while_are_folded_again() -> None:
    log = MemoryLog()
    folds = Folds(log, Seen, most=1)
    await log.create("s")
    await append(log, "a")
    first = await folds.get("s")
    await folds.get("other")
    again = await folds.get("s")
    assert again is not first
    assert again.state.events == {1: "a"}
