"""The SQLite log as a guest of its process: threads, files, and what ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contract.logs import Clock, events, read_all
from tidewire.errors import LogUnavailable
from tidewire.log import sqlite, sqlite_store
from tidewire.log.base import Retention
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_store import Store, load_stream


def our_threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("tidewire-")}


def open_files() -> list[str]:
    return sorted(os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.exists())


async def test_closing_gives_back_threads_and_files(tmp_path: Path) -> None:
    before = our_threads()
    for _ in range(3):
        log = SqliteLog(tmp_path / "log.sqlite", readers=3)
        await log.open()
        await log.hold("me", 10)
        await log.create("s")
        await asyncio.gather(*(log.read("s") for _ in range(10)))
        await log.close()
    assert [name for name in open_files() if str(tmp_path) in name] == []
    assert our_threads() == before
    assert list((tmp_path / "log.sqlite-owners").iterdir()) == []


async def test_a_failed_open_leaves_nothing_and_can_be_closed(tmp_path: Path) -> None:
    before = our_threads()
    (tmp_path / "file").write_text("")
    log = SqliteLog(tmp_path / "file" / "log.sqlite")
    with pytest.raises(LogUnavailable, match="cannot be opened: its files cannot be used"):
        await log.open()
    await log.close()
    assert our_threads() == before


async def test_after_close_everything_is_refused(log: SqliteLog) -> None:
    await log.create("s")
    await log.close()
    for attempt in (log.append("s", events("a")), log.create("t"), log.read("s"), log.orphans()):
        with pytest.raises(LogUnavailable, match="closed"):
            await asyncio.wait_for(attempt, 5)


async def test_appends_that_come_while_closing_are_settled(log: SqliteLog) -> None:
    await log.create("s")
    before = [log.append("s", events("a")) for _ in range(10)]
    closing = asyncio.ensure_future(log.close())
    during = []
    while not closing.done():
        during.append(log.append("s", events("b")))
        await asyncio.sleep(0)
    assert await asyncio.gather(*before) == list(range(1, 11))
    results = await asyncio.wait_for(asyncio.gather(*during, return_exceptions=True), 5)
    stored = [result for result in results if isinstance(result, int)]
    assert stored == list(range(11, 11 + len(stored)))
    assert all(isinstance(result, LogUnavailable) for result in results[len(stored) :])


def test_a_loop_that_ends_without_close_ends_the_thread_quietly(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    held = threading.Event()

    async def leave() -> None:
        await log.open()
        log._submit(lambda store: held.wait(5))
        await asyncio.sleep(0.01)

    asyncio.run(leave())
    held.set()
    log._writer._thread.join(5)
    assert not log._writer._thread.is_alive()
    log._checkpoints.close()
    assert log._writing
    log._writing.close()


async def test_a_fault_of_ours_fails_its_batch_and_nothing_else(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a secret")

    await log.create("s")
    await log.append("s", events("a"))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_append_one", fail)
        with pytest.raises(
            LogUnavailable, match=r"^The log cannot be written: the store failed\.$"
        ):
            await asyncio.wait_for(log.append("s", events("lost")), 5)
    assert "ZeroDivisionError" in caplog.text
    assert log.failure == "The log cannot be written: the store failed."
    assert await asyncio.wait_for(log.append("s", events("b")), 5) == 2
    assert (await read_all(log, "s"), log.failure) == (["a", "b"], None)


async def test_what_waits_behind_a_failed_commit_fails_too(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go = threading.Event(), threading.Event()
    transact = Store.transact

    def fail(store: Store, work: Any) -> None:
        monkeypatch.setattr(Store, "transact", transact)
        started.set()
        go.wait(5)
        raise OSError("disk")

    await log.create("s")
    monkeypatch.setattr(Store, "transact", fail)
    first = log.append("s", events("a"))
    await asyncio.to_thread(started.wait)
    second, other = log.append("s", events("b")), asyncio.ensure_future(log.create("t"))
    await asyncio.sleep(0)
    go.set()
    for lost in (first, second):
        with pytest.raises(LogUnavailable):
            await lost
    assert (await other).created
    assert await log.append("s", events("c")) == 1


async def test_failures_are_logged_once(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(store: Store, work: Any) -> None:
        raise OSError("disk")

    await log.create("s")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Store, "transact", fail)
        for _ in range(5):
            with pytest.raises(LogUnavailable):
                await log.append("s", events("a"))
    await log.append("s", events("a"))
    assert [record.getMessage() for record in caplog.records] == [
        "The log cannot be written: its files cannot be used.",
        "The log can be written again.",
    ]


async def test_expiry_stops_after_so_many_events(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "EXPIRE_EVENTS", 10)
    for name in "abc":
        await log.create(name)
        await log.append(name, events(*"123456"), close=True)
    assert await log.expire(closed_before_seconds=-1) == 2
    assert await log.expire(closed_before_seconds=-1) == 1


async def test_what_is_aged_is_looked_for_once_not_with_each_part_that_expires(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []
    monkeypatch.setattr(sqlite, "find_aged", lambda db, now: looked.append(now) or [])
    monkeypatch.setattr(sqlite_store, "EXPIRE_STREAMS", 1)
    for name in "abc":
        await log.create(name)
        await log.append(name, [], close=True)
    while await log.expire(closed_before_seconds=-1):
        assert not looked
    assert len(looked) == 1


async def test_the_writer_trims_by_age_what_is_due_and_a_few_streams_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[list[str]] = []

    def trim_aged(store: Store, names: Sequence[str], now: float) -> None:
        parts.append(sorted(names))
        trim(store, names, now)

    trim = Store.trim_aged
    monkeypatch.setattr(Store, "trim_aged", trim_aged)
    monkeypatch.setattr(sqlite, "TRIM_STREAMS", 2)
    clock = Clock()
    log = SqliteLog(tmp_path / "log.sqlite", clock=clock)
    await log.open()
    for name in ("a", "b", "c", "young", "kept"):
        await log.create(name, retention=None if name == "kept" else Retention(max_age_seconds=60))
        clock.now += 50 * (name == "young")
        await log.append(name, events("1"))
    clock.now += 20
    await log.expire(closed_before_seconds=1000)
    assert parts == [["a", "b"], ["c"]]
    assert [(await log.info(name)).first for name in ("a", "c", "young", "kept")] == [2, 2, 1, 1]
    await log.close()


async def test_more_streams_than_the_writer_remembers(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_MAX_CACHED", 5)
    for n in range(1, 4):
        for stream in range(20):
            if n == 1:
                await log.create(f"s{stream}")
            assert await log.append(f"s{stream}", events(str(n))) == n


async def test_an_owner_is_held_by_one_process_at_a_time(tmp_path: Path, log: SqliteLog) -> None:
    second = SqliteLog(tmp_path / "log.sqlite")
    await second.open()
    await log.hold("me", 10)
    await log.hold("me", 10)
    await log.create("s", owner="me")
    with pytest.raises(LogUnavailable, match="cannot be held"):
        await second.hold("me", 10)
    assert await second.orphans() == []
    await log.close()
    assert await second.orphans() == ["s"]
    await second.close()


async def test_a_connection_that_failed_is_not_used_again(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite", readers=1)
    await log.open()
    first = await log._readers.run(lambda db: db)
    with pytest.raises(LogUnavailable, match="cannot be read"):
        await log._readers.run(lambda db: db.execute("nonsense"))
    with pytest.raises(sqlite3.ProgrammingError):
        first.execute("SELECT 1")
    assert await log.orphans() == []
    await log.close()


async def test_a_query_sees_one_moment(log: SqliteLog) -> None:
    started, go = threading.Event(), threading.Event()

    def heads(db: sqlite3.Connection) -> tuple[int, int]:
        before = load_stream(db, name="s").head
        started.set()
        go.wait(5)
        return before, load_stream(db, name="s").head

    await log.create("s")
    await log.append("s", events("a"))
    reading = asyncio.ensure_future(log._readers.run(heads))
    await asyncio.to_thread(started.wait)
    assert await log.append("s", events("b")) == 2
    go.set()
    assert await reading == (1, 1)
