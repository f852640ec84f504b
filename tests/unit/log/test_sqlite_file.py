"""The file of the SQLite log: schema, settings that really apply, plans of the queries."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.logs import events, read_all
from tidewire.errors import ConfigError
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_file import QUERIES, SCHEMA_VERSION, connect, migrate

OPEN = """
import asyncio, sys
from tidewire.log.sqlite import SqliteLog

async def main():
    log = SqliteLog(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await log.open()
    await log.create(sys.argv[2])
    await log.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "log.sqlite"


async def test_an_empty_file_is_migrated_once(path: Path) -> None:
    for _ in range(2):
        log = SqliteLog(path)
        await log.open()
        await log.create("s")
        await log.close()
    with connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    file.close()


async def test_nobody_else_may_read_the_files(path: Path) -> None:
    log = SqliteLog(path)
    await log.open()
    await log.hold("me", 10)
    await log.create("s")
    files = [each for each in path.parent.rglob("*") if each.is_file()]
    assert {each.name for each in files} == {
        path.name,
        f"{path.name}-wal",
        f"{path.name}-shm",
        "me",
    }
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    await log.close()


async def test_a_file_of_the_future_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    file = connect(path)
    file.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ConfigError, match="newer Tidewire"):
        await SqliteLog(path).open()
    assert file.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    file.close()


def test_a_migration_that_fails_leaves_nothing(path: Path) -> None:
    path.parent.mkdir()
    file = connect(path)
    file.execute("CREATE TABLE keys (something)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(file)
    assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("keys",)]
    assert not file.in_transaction
    file.close()


def test_a_new_file_that_another_process_is_making_is_waited_for(path: Path) -> None:
    path.parent.mkdir()
    maker, file = connect(path), connect(path)
    maker.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.05, maker.execute, ["COMMIT"])
    done.start()
    migrate(file)
    done.join()
    assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    maker.close()
    file.close()


def test_a_file_that_stays_locked_is_an_error(path: Path) -> None:
    path.parent.mkdir()
    maker, file = connect(path), connect(path, timeout_seconds=0.02)
    maker.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        migrate(file)
    maker.close()
    file.close()


def test_processes_may_open_a_new_file_at_the_same_time(path: Path) -> None:
    command, pipe = [sys.executable, "-c", OPEN, str(path)], subprocess.PIPE
    processes = [
        subprocess.Popen([*command, f"s{n}"], stdin=pipe, stdout=pipe, stderr=pipe)
        for n in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate(timeout=15) == (b"", b"")
        assert process.returncode == 0
    file = connect(path)
    assert file.execute("SELECT count(*) FROM streams").fetchone() == (4,)
    file.close()


@pytest.mark.parametrize(("setting", "number"), [("normal", 1), ("full", 2)])
async def test_the_settings_apply_to_the_writing_connection(
    path: Path, setting: str, number: int
) -> None:
    log = SqliteLog(path, synchronous=setting)  # type: ignore[arg-type]
    await log.open()
    pragmas = await log._submit(
        lambda store: [
            store._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    )
    await log.close()
    assert pragmas == ["wal", number, 5000]


# Every query of the path of a token or of a resume, and the index it must use.
INDEXED = {
    "stream_by_name": {"streams", "events"},
    "stream_by_epoch": {"streams", "events"},
    "close_stream": {"streams"},
    "find_key": {"keys"},
    "read_events": {"events"},
    "first_since": {"events"},
    "sizes_from_start": {"events"},
    "stream_size": {"events"},
    "trim_events": {"events"},
    "trim_keys": {"keys"},
    "drop_events": {"events"},
    "drop_keys": {"keys"},
    "closed_streams": {"streams"},
    "drop_tombstones": {"streams"},
}


@pytest.fixture
def migrated(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir()
    with closing(connect(path)) as file:
        migrate(file)
        yield file


def plan(file: sqlite3.Connection, query: str) -> list[str]:
    values = (1,) * QUERIES[query].count("?")
    return [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", values)]


@pytest.mark.parametrize("query", INDEXED)
def test_a_query_searches_by_an_index(migrated: sqlite3.Connection, query: str) -> None:
    steps = plan(migrated, query)
    assert {step.split()[1] for step in steps if step.startswith("SEARCH ")} >= INDEXED[query]
    assert not [step for step in steps if step.startswith("SCAN ") or "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("query", "index"),
    [("owned_streams", "streams_open_owned"), ("aged_streams", "streams_retained")],
)
def test_a_query_over_many_streams_sees_only_those_concerned(
    migrated: sqlite3.Connection, query: str, index: str
) -> None:
    first = plan(migrated, query)[0]
    assert index in first


async def test_a_resume_near_the_end_reads_only_what_it_gives(path: Path) -> None:
    log = SqliteLog(path, readers=1)
    await log.open()
    await log.create("s")
    for _ in range(50):
        log.append("s", events(*["word"] * 1000))
        await log.append("s", [])
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    await log._readers.run(lambda db: db.set_progress_handler(count, 1))
    batch = await log.read("s", 49_000, limit=100)
    assert (batch.first, len(batch.events), batch.head) == (49_001, 100, 50_000)
    assert steps < 100 * 20
    await log.close()


async def test_two_logs_may_write_one_stream(path: Path) -> None:
    logs = [SqliteLog(path), SqliteLog(path)]
    for log in logs:
        await log.open()
    await logs[0].create("s")
    offsets: list[int] = []

    async def write(log: SqliteLog) -> None:
        for n in range(50):
            offsets.append(await log.append("s", events(str(n), "more")))

    await asyncio.gather(*map(write, logs))
    assert sorted(offsets) == list(range(2, 201, 2))
    assert len(await read_all(logs[1], "s")) == 200
    await logs[0].append("s", events("end"), close=True)
    assert (await logs[1].create("s")).closed
    for log in logs:
        await log.close()
