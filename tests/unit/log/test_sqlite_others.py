"""Two processes on one file: each hears of what the other has stored and deleted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.contract.logs import events
from tidewire.errors import LogUnavailable, StreamGone
from tidewire.log.base import Commit, Retention
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_store import Store


class Hearing:
    """What the listener of a log was told."""

    def __init__(self, log: SqliteLog) -> None:
        self.commits: list[Commit] = []
        self._came = asyncio.Event()
        log.listener = self._hear

    def _hear(self, commits: Sequence[Commit]) -> None:
        self.commits += commits
        self._came.set()

    async def until(self, count: int) -> list[Commit]:
        async with asyncio.timeout(10):
            while len(self.commits) < count:
                self._came.clear()
                await self._came.wait()
        return self.commits

    def data(self) -> list[str]:
        return [event.data for commit in self.commits for event in commit.events]


@pytest.fixture
async def logs(tmp_path: Path) -> AsyncIterator[list[SqliteLog]]:
    logs = [SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")]
    for log in logs:
        await log.open()
    yield logs
    for log in logs:
        await log.close()


async def test_one_that_is_idle_hears_of_what_the_other_stores(logs: list[SqliteLog]) -> None:
    here, there = logs
    stream = await here.create("s")
    hearing = Hearing(here)
    await there.append("s", events("a", "b"))
    await hearing.until(1)
    await there.append("s", events("c"), close=True)
    assert await hearing.until(2) == [
        Commit("s", 1, events("a", "b"), False, stream.epoch),
        Commit("s", 3, events("c"), True, stream.epoch),
    ]


async def test_both_write_one_stream_and_each_hears_all_in_order(logs: list[SqliteLog]) -> None:
    await logs[0].create("s")
    hearings = [Hearing(log) for log in logs]

    async def write(log: SqliteLog, name: str) -> None:
        for n in range(100):
            await log.append("s", events(f"{name}{n}"))
            if n % 10 == 0:
                await asyncio.sleep(0.002)

    await asyncio.gather(write(logs[0], "a"), write(logs[1], "b"))
    stored = [event.data for event in (await logs[0].read("s")).events]
    for hearing in hearings:
        async with asyncio.timeout(10):
            while len(hearing.data()) < 200:
                await asyncio.sleep(0.01)  # how many commits it takes is theirs to choose
        assert hearing.data() == stored
        offsets = [commit.first for commit in hearing.commits]
        sizes = [len(commit.events) for commit in hearing.commits]
        assert offsets == [1 + sum(sizes[:n]) for n in range(len(sizes))]


async def test_a_transaction_that_fails_loses_nothing_of_what_the_other_stored(
    logs: list[SqliteLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = logs
    await here.create("s")
    hearing = Hearing(here)
    append, failures = Store.append, 3

    def fail(store: Store, *args: object) -> object:
        nonlocal failures
        if store is here._writer._store and failures:
            failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return append(store, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", fail)
    for n in range(3):
        await there.append("s", events(f"there {n}"))
        with pytest.raises(LogUnavailable):  # it has met the other's events, and rolls back
            await here.append("s", events("never"))
    await here.append("s", events("here"))
    await hearing.until(2)
    assert hearing.data() == ["there 0", "there 1", "there 2", "here"]
    assert [event.data for event in (await here.read("s")).events] == hearing.data()


async def test_one_hears_of_a_deletion_and_of_what_follows_under_the_name(
    logs: list[SqliteLog],
) -> None:
    here, there = logs
    old = await here.create("s")
    await here.append("s", events("old"), epoch=old.epoch)
    hearing = Hearing(here)
    await there.delete("s")
    await hearing.until(1)
    new = await there.create("s")
    await there.append("s", events("new"))
    assert await hearing.until(2) == [
        Commit.of_deleted("s", old.epoch),
        Commit("s", 1, events("new"), False, new.epoch),
    ]
    with pytest.raises(StreamGone):
        await here.append("s", events("late"), epoch=old.epoch)


async def test_a_deletion_of_ones_own_is_heard_once(logs: list[SqliteLog]) -> None:
    here, there = logs
    for name in "ab":
        await here.create(name)
    hearing = Hearing(here)
    await here.delete("a")
    await there.delete("b")
    await hearing.until(2)
    await here.create("c")
    assert [commit.stream for commit in hearing.commits] == ["a", "b"]


async def test_bytes_are_counted_whoever_adds_them(logs: list[SqliteLog]) -> None:
    for log in logs:
        await log.create("s", retention=Retention(max_bytes=1000))
    for _ in range(10):
        for log in logs:
            await log.append("s", events("x" * 100))
    info = await logs[0].info("s")
    assert info.head == 20
    assert 10 <= info.head - info.first + 1 <= 11


async def test_the_other_does_not_make_every_append_count_the_bytes_anew(
    logs: list[SqliteLog],
) -> None:
    here, there = logs
    asked: list[str] = []
    for log in logs:
        await log.create("s", retention=Retention(max_bytes=1_000_000))
        await log.append("s", events("x"))
    assert here._writing is not None
    here._writing.set_trace_callback(asked.append)
    for _ in range(20):
        await there.append("s", events("y"))
        await here.append("s", events("z"))
    assert not [query for query in asked if "sum(" in query]
