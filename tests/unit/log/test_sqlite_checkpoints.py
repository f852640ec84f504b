"""When the write-ahead log flows back, and who has to wait for it."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.logs import events
from tidewire.log import sqlite, sqlite_checkpoints
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_checkpoints import CHANGES, Checkpoints

PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"


class Connection(sqlite3.Connection):
    """Notes what it is asked, and fails on demand."""

    asked: queue.SimpleQueue[str]
    failing = False

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
        self.asked.put(sql)
        if self.failing:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *args)  # type: ignore[arg-type]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> queue.SimpleQueue[str]:
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setattr(Connection, "asked", asked, raising=False)
    return asked


@pytest.fixture
def checkpoints(tmp_path: Path) -> Iterator[Checkpoints]:
    checkpoints = Checkpoints(lambda: sqlite3.connect(tmp_path / "file", factory=Connection))
    yield checkpoints
    checkpoints.close()


def test_a_checkpoint_is_made_after_so_many_rows(
    checkpoints: Checkpoints, asked: queue.SimpleQueue[str]
) -> None:
    checkpoints.seen(CHANGES - 1)
    with pytest.raises(queue.Empty):
        asked.get(timeout=0.05)
    for changes in (CHANGES, 2 * CHANGES):
        checkpoints.seen(changes - 1)
        checkpoints.seen(changes)
        assert asked.get(timeout=5) == PASSIVE
    with pytest.raises(queue.Empty):
        asked.get(timeout=0.05)


def test_a_checkpoint_that_fails_is_not_the_last(
    checkpoints: Checkpoints, asked: queue.SimpleQueue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "failing", True)
        checkpoints.seen(CHANGES)
        assert asked.get(timeout=5) == PASSIVE
        checkpoints.seen(2 * CHANGES)
        assert asked.get(timeout=5) == PASSIVE
    checkpoints.seen(3 * CHANGES)
    assert asked.get(timeout=5) == PASSIVE


async def test_the_writer_begins_the_write_ahead_log_anew_before_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_PAGES", 200)
    monkeypatch.setattr(sqlite_checkpoints, "CHANGES", 1_000_000)
    log = SqliteLog(tmp_path / "log.sqlite")
    await log.open()
    await log.create("s")
    largest = 0
    for _ in range(100):
        await log.append("s", events(*["x" * 10_000] * 10))
        await log.read("s", 5)
        largest = max(largest, (tmp_path / "log.sqlite-wal").stat().st_size)
    assert (tmp_path / "log.sqlite").stat().st_size > 5_000_000
    assert largest < 2_000_000
    await log.close()


async def test_what_a_long_reader_made_the_write_ahead_log_grow_to_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_PAGES", 200)
    monkeypatch.setattr(sqlite, "WAL_BYTES", 1_000_000)
    log = SqliteLog(tmp_path / "log.sqlite")
    await log.open()
    await log.create("s")
    backup = sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)
    backup.execute("BEGIN")
    backup.execute("SELECT count(*) FROM events").fetchone()
    size = await _grow(log, tmp_path)
    assert size > 4_000_000
    backup.close()
    assert await _grow(log, tmp_path) < 2_000_000
    await log.close()


async def _grow(log: SqliteLog, folder: Path) -> int:
    """Writes 5 MB; gives the size of the write-ahead log."""
    for _ in range(50):
        await log.append("s", events(*["x" * 10_000] * 10))
    return (folder / "log.sqlite-wal").stat().st_size
