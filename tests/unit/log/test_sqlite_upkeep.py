"""The SQLite log over time: what a failed commit undoes, and what is let go of for good."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.logs import Clock, events, read_all
from tidewire.errors import LogUnavailable, StreamGone
from tidewire.log import sqlite_store
from tidewire.log.base import Commit
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_checkpoints import Checkpoints
from tidewire.log.sqlite_store import TOMBSTONE_SECONDS, Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def log(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.sqlite", clock=clock)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
def told(log: SqliteLog) -> list[Commit]:
    told: list[Commit] = []
    log.listener = told.extend
    return told


def fail(store: Store) -> None:
    raise ZeroDivisionError


async def test_what_a_failed_commit_had_appended_leaves_no_hole(log: SqliteLog) -> None:
    await log.create("s")
    await log.append("s", events("a"))
    lost = log.append("s", events("lost", "too"), close=True)
    failed = log._submit(fail)
    await asyncio.gather(lost, failed, return_exceptions=True)
    assert isinstance(lost.exception(), LogUnavailable)
    assert await log.append("s", events("b")) == 2
    assert await read_all(log, "s") == ["a", "b"]


async def test_what_a_failed_commit_had_deleted_is_there_and_not_told_to_be_gone(
    log: SqliteLog, told: list[Commit]
) -> None:
    await log.create("s")
    await log.append("s", events("a"))
    with pytest.raises(LogUnavailable):
        await log._submit(_delete_and_fail)
    await log.append("s", events("b"))
    await log.create("t")
    assert not any(commit.deleted for commit in told)
    assert await read_all(log, "s") == ["a", "b"]


def _delete_and_fail(store: Store) -> None:
    store.delete("s")
    raise ZeroDivisionError


async def test_an_epoch_that_is_taken_is_drawn_again(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["same", "same", "other"])
    monkeypatch.setattr(sqlite_store, "new_epoch", lambda: next(drawn))
    assert [(await log.create(name)).epoch for name in "ab"] == ["same", "other"]


async def test_trimming_passes_over_what_was_deleted_meanwhile(log: SqliteLog) -> None:
    await log.create("gone")
    await log.delete("gone")
    await log._submit(lambda store: store.trim_aged(["gone", "never"], 0.0))
    with pytest.raises(StreamGone):
        await log.info("gone")


async def test_deletions_and_dead_owners_are_not_kept_for_ever(
    log: SqliteLog, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sqlite_store, "KEPT_DELETIONS", 3)
    await log.hold("dead", 1)
    await log.hold("dead_with_a_run", 1)
    await log.create("run", owner="dead_with_a_run")
    for _ in range(5):
        await log.create("s")
        await log.delete("s")
    clock.now += TOMBSTONE_SECONDS + 2
    await log.hold("alive", 10)
    await log.expire(closed_before_seconds=1)
    with sqlite3.connect(tmp_path / "log.sqlite") as db:
        owners = db.execute("SELECT owner FROM owners ORDER BY owner").fetchall()
        deletions = db.execute("SELECT count(*) FROM deletions").fetchone()
    db.close()
    assert owners == [("alive",), ("dead_with_a_run",)]
    assert deletions == (3,)


async def test_the_writer_tells_after_each_commit_how_much_has_changed(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(Checkpoints, "seen", lambda _, changes: seen.append(changes))
    await log.create("s")
    await log.append("s", events(*"abc"))
    await log.close()
    assert len(seen) == 2 and seen[1] - seen[0] == 3
