"""The log's contract: how much of a stream is kept, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.logs import Clock, events, read_all
from tidewire.errors import StreamGone, StreamNotFound
from tidewire.log.base import Expiring, Log, Retention

WEEK = 7 * 86400


async def test_what_is_over_the_count_is_trimmed_from_the_start(log: Log) -> None:
    await log.create("s", retention=Retention(max_events=100))
    for n in range(1, 1001):
        await log.append("s", events(str(n)))
        info = await log.info("s")
        assert min(n, 100) <= info.head - info.first + 1 <= 110
    assert await read_all(log, "s", info.first - 1) == [str(n) for n in range(info.first, 1001)]


async def test_a_read_of_what_was_trimmed_starts_later(log: Log) -> None:
    await log.create("s", retention=Retention(max_events=2))
    await log.append("s", events(*"abcdef"))
    assert await log.read("s", 1) == (5, events("e", "f"), 6, False)
    assert (await log.info("s")).first == 5


async def test_offsets_go_on_when_nothing_is_left(log: Log, clock: Clock) -> None:
    assert isinstance(log, Expiring)
    await log.create("s", retention=Retention(max_age_seconds=60))
    await log.append("s", events("a", "b"))
    clock.now += 61
    await log.expire(closed_before_seconds=WEEK)
    assert await log.read("s") == (3, [], 2, False)
    assert await log.append("s", events("c")) == 3


@pytest.mark.parametrize("data", ["x" * 30, "日本" * 5, "\0" * 30])
async def test_bytes_are_counted_in_utf8(log: Log, data: str) -> None:
    await log.create("s", retention=Retention(max_bytes=300))
    for n in range(1, 100):
        await log.append("s", events(data))
        info = await log.info("s")
        assert min(n, 10) <= info.head - info.first + 1 <= 11


async def test_one_event_over_the_bytes_does_not_stay(log: Log) -> None:
    await log.create("s", retention=Retention(max_bytes=10))
    await log.append("s", events("a"))
    assert await log.append("s", events("x" * 100)) == 2
    assert await log.read("s") == (3, [], 2, False)
    await log.append("s", events("b"))
    assert await log.read("s") == (3, events("b"), 3, False)


async def test_old_events_of_an_open_stream_expire(log: Log, clock: Clock) -> None:
    assert isinstance(log, Expiring)
    await log.create("s", retention=Retention(max_age_seconds=60))
    await log.create("forever")
    for data in "abc":
        await log.append("s", events(data))
        await log.append("forever", events(data))
        clock.now += 25
    await log.expire(closed_before_seconds=WEEK)
    assert (await log.read("s")).events == events("b", "c")
    assert await read_all(log, "forever") == ["a", "b", "c"]


async def test_a_trimmed_key_is_forgotten_with_its_events(log: Log) -> None:
    await log.create("s", retention=Retention(max_events=2))
    await log.append("s", events("a"), key="k")
    await log.append("s", events("b", "c", "d"), key="later")
    assert await log.append("s", events("e"), key="later") == 4
    assert await log.append("s", events("a"), key="k") == 5


async def test_streams_expire_some_time_after_their_close(log: Log, clock: Clock) -> None:
    assert isinstance(log, Expiring)
    for name in ("old", "new", "open"):
        await log.create(name)
    await log.append("old", events("a"), close=True)
    clock.now += 50
    await log.append("new", events("a"), close=True)
    clock.now += 50
    assert await log.expire(closed_before_seconds=75) == 1
    assert await log.expire(closed_before_seconds=75) == 0
    with pytest.raises(StreamGone):
        await log.read("old")
    assert (await read_all(log, "new"), await read_all(log, "open")) == (["a"], [])


async def test_many_streams_expire_a_part_at_a_time(log: Log, clock: Clock) -> None:
    assert isinstance(log, Expiring)
    names = [f"s{n}" for n in range(450)]
    await asyncio.gather(*map(log.create, names))
    await asyncio.gather(*(log.append(name, events("a"), close=True) for name in names))
    clock.now += 10
    expired = 0
    while count := await log.expire(closed_before_seconds=5):
        expired += count
    assert expired == 450


async def test_a_name_that_is_long_gone_is_not_found(log: Log, clock: Clock) -> None:
    assert isinstance(log, Expiring)
    await log.create("s")
    await log.delete("s")
    clock.now += WEEK - 1
    await log.expire(closed_before_seconds=WEEK)
    with pytest.raises(StreamGone):
        await log.info("s")
    clock.now += 2
    await log.expire(closed_before_seconds=WEEK)
    with pytest.raises(StreamNotFound):
        await log.info("s")


async def test_a_rule_that_has_changed_holds_from_the_next_opening_on(log: Log) -> None:
    await log.create("s", retention=Retention(max_events=100))
    await log.append("s", events(*map(str, range(50))))
    await log.create("s")
    await log.append("s", events("50"))
    assert (await log.info("s")).first == 1
    await log.create("s", retention=Retention(max_events=10))
    await log.append("s", events("51"))
    assert (await log.info("s")).first == 43
