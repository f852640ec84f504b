"""The log's contract: creating, appending, reading, closing and deleting streams."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.logs import events, read_all
from tidewire.errors import (
    Fenced,
    InvalidField,
    LogUnavailable,
    StreamClosed,
    StreamGone,
    StreamNotFound,
)
from tidewire.log.base import READ_BYTES, Catalogue, Commit, Log
from tidewire.wire.cursor import Position, read_cursor
from tidewire.wire.event import Event

# Creating


async def test_a_new_stream_is_open_and_empty(log: Log) -> None:
    made = await log.create("s")
    assert (made.name, made.first, made.head, made.closed, made.created) == ("s", 1, 0, False, True)
    assert await log.read("s") == (1, [], 0, False)


async def test_create_joins_the_stream_that_exists(log: Log) -> None:
    made = await log.create("s")
    await log.append("s", events("a"), close=True)
    again = await log.create("s")
    assert (again.created, again.epoch, again.head, again.closed) == (False, made.epoch, 1, True)


async def test_what_is_appended_comes_behind_a_creation_nobody_waited_for(log: Log) -> None:
    making = log.create("s")
    assert await log.append("s", events("x")) == 1
    assert (await making).created


async def test_creations_at_the_same_time_make_one_stream(log: Log) -> None:
    answers = await asyncio.gather(*(log.create("s") for _ in range(20)))
    assert sorted(info.created for info in answers) == [False] * 19 + [True]
    assert len({info.epoch for info in answers}) == 1


async def test_an_epoch_fits_into_a_cursor(log: Log) -> None:
    position = Position((await log.create("s")).epoch, 7)
    assert read_cursor(str(position)) == [position]


async def test_ten_thousand_streams_have_ten_thousand_epochs(log: Log) -> None:
    answers = await asyncio.gather(*(log.create(f"s{n}") for n in range(10_000)))
    assert len({info.epoch for info in answers}) == 10_000
    assert (await log.info(epoch=answers[4321].epoch)).name == "s4321"


@pytest.mark.parametrize("name", ["x" * 255, "a/b:c", "日本", "e\u0301", "…", "';--", "%", "."])
async def test_a_stream_may_be_called(log: Log, name: str) -> None:
    await log.create(name)
    await log.append(name, events("a"))
    assert (await log.info(name)).name == name


@pytest.mark.parametrize("name", ["", "x" * 256, "a b", "a\n", "\0", "\ud800", "\u2028", "\x7f"])
async def test_a_stream_may_not_be_called(log: Log, name: str) -> None:
    with pytest.raises(ValueError):
        await log.create(name)
    with pytest.raises(StreamNotFound):
        await log.append(name, events("a"))
    with pytest.raises(StreamNotFound):
        await log.read(name)
    with pytest.raises(StreamNotFound):
        await log.info(name)
    await log.delete(name)


# Appending


async def test_offsets_are_one_two_three(log: Log) -> None:
    await log.create("s")
    first = log.append("s", events("a", "b"))
    second = log.append("s", events("c"))
    assert (await first, await second) == (2, 3)
    assert await log.append("s", events("d")) == 4
    assert await log.read("s") == (1, events("a", "b", "c", "d"), 4, False)


async def test_an_append_takes_effect_without_an_await(log: Log) -> None:
    await log.create("s")
    log.append("s", events("a"))
    assert await log.append("s", events("b")) == 2
    assert await read_all(log, "s") == ["a", "b"]


async def test_the_events_are_taken_at_the_call(log: Log) -> None:
    await log.create("s")
    buffer = events("a")
    done = log.append("s", buffer)
    buffer.clear()
    assert await done == 1


async def test_appending_nothing_stores_nothing(log: Log, told: list[list[object]]) -> None:
    await log.create("s")
    await log.append("s", events("a"))
    told.clear()
    assert await log.append("s", []) == 1
    assert told == []


async def test_an_append_needs_a_stream(log: Log) -> None:
    with pytest.raises(StreamNotFound):
        await log.append("s", events("a"))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "\0",
        "a\0b",
        "\r\n",
        "\n\n",
        "日本語 👩‍👩‍👧 \U0010ffff",
        "\ufeff\u2028\u200d",
        '{"a": "\\u0000"}',
    ],
)
async def test_data_comes_back_as_it_went_in(log: Log, data: str) -> None:
    await log.create("s")
    await log.append("s", [Event("t\0ype ü", data)])
    assert (await log.read("s")).events == [Event("t\0ype ü", data)]


@pytest.mark.parametrize("bad", [Event("t", "a\ud800"), Event("\udfff", "a")])
async def test_what_has_no_utf8_fails_alone(log: Log, bad: Event) -> None:
    await log.create("s")
    before = log.append("s", events("a"))
    refused = log.append("s", [*events("x"), bad])
    after = log.append("s", events("b"))
    assert (await before, await after) == (1, 2)
    with pytest.raises(InvalidField):
        await refused
    assert (await read_all(log, "s"), log.failure) == (["a", "b"], None)


async def test_an_event_may_be_huge(log: Log) -> None:
    huge = "ö" * 8_000_000
    await log.create("s")
    await log.append("s", events("a", huge, "b"))
    assert await read_all(log, "s") == ["a", huge, "b"]


async def test_appends_in_thousands_keep_their_order(log: Log) -> None:
    names = [f"s{n}" for n in range(20)]
    await asyncio.gather(*map(log.create, names))
    futures = [log.append(name, events(str(n))) for n in range(500) for name in names]
    assert await asyncio.gather(*futures) == [n for n in range(1, 501) for _ in names]
    for name in names:
        assert await read_all(log, name) == [str(n) for n in range(500)]


# Closing


async def test_a_stream_is_closed_with_its_last_event(log: Log) -> None:
    await log.create("s")
    assert await log.append("s", events("a", "b"), close=True) == 2
    assert await log.read("s") == (1, events("a", "b"), 2, True)
    assert (await log.info("s")).closed


async def test_a_stream_is_closed_once(log: Log) -> None:
    await log.create("s")
    end = log.append("s", events("a"), close=True)
    late = log.append("s", events("b"))
    assert await end == 1
    with pytest.raises(StreamClosed):
        await late
    with pytest.raises(StreamClosed):
        await log.append("s", [], close=True)
    assert await read_all(log, "s") == ["a"]


async def test_a_stream_may_end_without_an_event(log: Log) -> None:
    await log.create("s")
    assert await log.append("s", [], close=True) == 0
    assert await log.read("s") == (1, [], 0, True)


# Fence and key


async def test_the_present_fence_may_append_and_no_other(log: Log) -> None:
    fence = (await log.create("s")).fence
    assert await log.append("s", events("a"), fence=fence) == 1
    for wrong in (fence + 1, fence - 1):
        with pytest.raises(Fenced):
            await log.append("s", events("b"), fence=wrong)
    assert await read_all(log, "s") == ["a"]


async def test_a_key_makes_an_append_idempotent(log: Log, told: list[list[object]]) -> None:
    await log.create("s")
    assert await log.append("s", events("a", "b"), key="k") == 2
    await log.append("s", events("c"), key="other")
    told.clear()
    assert await log.append("s", events("a", "b"), key="k") == 2
    assert (await read_all(log, "s"), told) == (["a", "b", "c"], [])


async def test_a_key_counts_within_one_commit_too(log: Log) -> None:
    await log.create("s")
    futures = [log.append("s", events("a"), key="k") for _ in range(3)]
    assert await asyncio.gather(*futures) == [1, 1, 1]
    assert await read_all(log, "s") == ["a"]


async def test_a_key_still_answers_after_the_close(log: Log) -> None:
    await log.create("s")
    await log.append("s", events("a"), close=True, key="k")
    assert await log.append("s", events("a"), close=True, key="k") == 1


async def test_a_key_belongs_to_its_stream(log: Log) -> None:
    await log.create("s")
    await log.create("t")
    await log.append("s", events("a", "b"), key="k")
    assert await log.append("t", events("a"), key="k") == 1


# Reading


async def test_a_read_begins_after_an_offset_and_gives_at_most_its_limit(log: Log) -> None:
    await log.create("s")
    await log.append("s", events(*"abcde"))
    batch = await log.read("s", 1, limit=3)
    assert batch == (2, events("b", "c", "d"), 5, False)
    assert batch.last == 4
    assert await log.read("s", 5) == (6, [], 5, False)


async def test_a_read_gives_at_least_one_event_and_not_many_bytes(log: Log) -> None:
    await log.create("s")
    half = "ö" * (READ_BYTES // 4)
    await log.append("s", events(half, half, half, "x" * (2 * READ_BYTES), "y"))
    assert [len((await log.read("s", after)).events) for after in (0, 2, 3, 4)] == [2, 2, 1, 1]


async def test_reads_beside_appends_never_see_a_part_of_a_commit(log: Log) -> None:
    await log.create("s")
    writing = True
    acknowledged = 0

    async def write() -> None:
        nonlocal writing, acknowledged
        for _ in range(100):
            acknowledged = await log.append("s", events(*"0123456789"))
        writing = False

    async def read() -> int:
        reads = 0
        while writing:
            known = acknowledged
            info, batch = await log.info("s"), await log.read("s", known)
            assert info.head % 10 == batch.head % 10 == len(batch.events) % 10 == 0
            assert info.head >= known and batch.head >= info.head
            assert batch.last == batch.head
            reads += 1
            await asyncio.sleep(0)
        return reads

    _, first, second = await asyncio.gather(write(), read(), read())
    assert first + second > 10


# Knowing and deleting


async def test_a_stream_is_known_by_name_and_by_epoch(log: Log) -> None:
    made = await log.create("s")
    await log.append("s", events("a", "b"))
    info = await log.info(epoch=made.epoch)
    assert info == await log.info("s")
    assert (info.name, info.first, info.head, info.created) == ("s", 1, 2, False)
    with pytest.raises(StreamNotFound):
        await log.info(epoch="nope")
    with pytest.raises(StreamNotFound):
        await log.info("nope")


async def test_a_deleted_stream_is_gone(log: Log) -> None:
    epoch = (await log.create("s")).epoch
    await log.append("s", events("a"))
    await log.delete("s")
    await log.delete("s")
    attempts = (log.read("s"), log.info("s"), log.info(epoch=epoch), log.append("s", events("b")))
    for attempt in attempts:
        with pytest.raises(StreamGone):
            await attempt


async def test_what_was_appended_before_the_delete_is_acknowledged(log: Log) -> None:
    await log.create("s")
    appended = log.append("s", events("a"))
    await log.delete("s")
    assert await appended == 1


async def test_deleting_what_never_was_leaves_no_trace(log: Log) -> None:
    await log.delete("s")
    with pytest.raises(StreamNotFound):
        await log.read("s")


async def test_a_deleted_name_begins_anew(log: Log) -> None:
    old = await log.create("s")
    await log.append("s", events("a", "b"), key="k")
    await log.delete("s")
    new = await log.create("s")
    assert (new.created, new.head, new.closed) == (True, 0, False)
    assert new.epoch != old.epoch
    assert await log.append("s", events("c"), key="k") == 1
    assert await read_all(log, "s") == ["c"]
    with pytest.raises((StreamNotFound, StreamGone)):
        await log.info(epoch=old.epoch)


# The end


async def test_close_ends_what_is_pending_and_refuses_what_comes_later(log: Log) -> None:
    await log.create("s")
    futures = [log.append("s", events(str(n))) for n in range(100)]
    closing = asyncio.ensure_future(log.close())
    await asyncio.sleep(0)
    await closing
    await log.close()
    assert await asyncio.gather(*futures) == list(range(1, 101))
    with pytest.raises(LogUnavailable):
        await asyncio.wait_for(log.append("s", events("x")), 5)
    with pytest.raises(LogUnavailable):
        await asyncio.wait_for(log.create("t"), 5)


async def test_what_was_appended_is_stored_when_close_returns(log: Log) -> None:
    await log.create("s")
    last = log.append("s", events("last"))
    await log.close()
    assert last.done() and last.result() == 1


async def test_a_log_that_was_closed_may_be_opened_again(log: Log, told: list[Any]) -> None:
    await log.create("s")
    await log.append("s", events("a"))
    await log.close()
    await log.open()
    assert await log.append("s", events("b")) == 2
    assert await read_all(log, "s") == ["a", "b"]
    assert len(told) == 2


# Incarnations


async def test_an_epoch_keeps_off_the_stream_that_was_made_anew(log: Log) -> None:
    old = await log.create("s")
    await log.append("s", events("a"), epoch=old.epoch)
    await log.delete("s")
    new = await log.create("s")
    await log.append("s", events("b"), epoch=new.epoch)
    assert (await log.read("s", epoch=new.epoch)).events == events("b")
    with pytest.raises(StreamGone):
        await log.read("s", epoch=old.epoch)
    with pytest.raises(StreamGone):
        await log.append("s", events("c"), epoch=old.epoch)
    assert await read_all(log, "s") == ["b"]


async def test_the_listener_hears_of_a_deletion_in_its_place(log: Log, told: list[Any]) -> None:
    old = await log.create("s")
    log.append("s", events("a"))
    deleting = asyncio.ensure_future(log.delete("s"))
    await deleting
    new = await log.create("s")
    await log.append("s", events("b"))
    assert [commit for call in told for commit in call] == [
        Commit("s", 1, events("a"), False, old.epoch),
        Commit.of_deleted("s", old.epoch),
        Commit("s", 1, events("b"), False, new.epoch),
    ]


async def test_a_deletion_of_nothing_is_not_told(log: Log, told: list[Any]) -> None:
    await log.delete("none")
    await log.create("s")
    await log.delete("s")
    await log.delete("s")
    assert len(told) == 1


async def test_streams_are_listed_by_the_start_of_their_names(log: Log) -> None:
    for name in ("room/b", "room/a", "room/ü", "roof", "rooms", "room/c"):
        await log.create(name)
    await log.append("room/b", events("1", "2"))
    await log.delete("room/c")
    assert isinstance(log, Catalogue)
    found = await log.streams("room/")
    assert [(s.name, s.first, s.head) for s in found] == [
        ("room/a", 1, 0),
        ("room/b", 1, 2),
        ("room/ü", 1, 0),
    ]
    assert [s.name for s in await log.streams("room/", limit=1)] == ["room/a"]
    assert [s.name for s in await log.streams("room/", after="room/a", limit=1)] == ["room/b"]
    assert await log.streams("room/", after="room/ü") == []
    assert [s.name for s in await log.streams("room/a")] == ["room/a"]
