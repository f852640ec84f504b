"""A disk that is full, a file that is locked, a file that is damaged."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.contract.logs import events, read_all
from tidewire.errors import LogUnavailable
from tidewire.log.sqlite import SqliteLog

CHUNK = "x" * 100_000


class Disk(Protocol):
    folder: Path

    def fill(self) -> None: ...
    def free(self) -> None: ...


class SmallDisk:
    """A file system of 4 MiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as exc:
                assert exc.errno == errno.ENOSPC

    def free(self) -> None:
        self._ballast.unlink()

    def remove(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)


class LimitedFiles:
    """For who may not mount: no file may grow over the size of the largest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        largest = max(each.stat().st_size for each in self.folder.iterdir() if each.is_file())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, self._limits[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    remove = free


@pytest.fixture(params=[SmallDisk, LimitedFiles])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    try:
        disk = request.param(tmp_path)
    except (subprocess.CalledProcessError, FileNotFoundError):  # not allowed to mount
        disk = LimitedFiles(tmp_path)
    yield disk
    disk.remove()


async def test_a_full_disk_fails_appends_without_a_hole_and_heals(disk: Disk) -> None:
    log = SqliteLog(disk.folder / "log.sqlite")
    await log.open()
    await log.create("s")
    await log.create("other")
    await log.append("s", events("before"))
    disk.fill()
    stored = ["before"]
    while log.failure is None:  # until what SQLite has in reserve is used up
        futures = []
        for _ in range(3):  # one commit each, the later ones made before the first is known
            futures.append(log.append("s", events(CHUNK)))
            await asyncio.sleep(0)
        results = await asyncio.gather(*futures, return_exceptions=True)
        acknowledged = [result for result in results if isinstance(result, int)]
        stored += [CHUNK] * len(acknowledged)
        assert results[: len(acknowledged)] == acknowledged
        assert all(isinstance(result, LogUnavailable) for result in results[len(acknowledged) :])
        assert len(stored) < 100
    assert log.failure in (
        "The log cannot be written: the disk is full.",
        "The log cannot be written: the disk failed.",
    )
    assert await read_all(log, "s") == stored
    with pytest.raises(LogUnavailable):
        await log.append("other", events(CHUNK))
    disk.free()
    assert await log.append("s", events("after")) == len(stored) + 1
    assert await log.append("other", events("after")) == 1
    assert log.failure is None
    assert await read_all(log, "s") == [*stored, "after"]
    await log.close()


LOCK = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the write lock of the file."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", LOCK, str(path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        yield
        other.communicate("\n")


async def test_a_lock_of_another_process_fails_writes_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path, busy_timeout_seconds=0.2)
    await log.open()
    await log.create("s")
    await log.append("s", events("a"))
    with locked(path):
        started = time.monotonic()
        with pytest.raises(LogUnavailable, match="another process has locked it"):
            await log.append("s", events("b"))
        assert 0.15 < time.monotonic() - started < 10
        assert await read_all(log, "s") == ["a"]
    assert await log.append("s", events("c")) == 2
    await log.close()


async def written(path: Path) -> None:
    log = SqliteLog(path)
    await log.open()
    for name in ("s", "t"):
        await log.create(name)
        await log.append(name, events(*["word " * 20] * 2000))
    await log.close()


async def use(path: Path) -> list[BaseException]:
    """Does everything with a log; gives what went wrong."""
    log = SqliteLog(path)
    try:
        await log.open()
    except LogUnavailable as exc:
        return [exc]
    attempts: list[Any] = [read_all(log, "s"), read_all(log, "t"), log.info("s"), log.orphans()]
    attempts += [log.append("s", events("more")), log.create("new"), log.delete("t")]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    await log.close()
    return [result for result in results if isinstance(result, BaseException)]


@pytest.mark.parametrize("damaged", ["the end", "the first page", "all other pages"])
async def test_a_file_that_is_no_log_is_refused(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "log.sqlite"
    await written(path)
    with path.open("r+b") as file:
        if damaged == "the end":
            file.truncate(3000)
        elif damaged == "the first page":
            file.write(os.urandom(4096))
        else:
            file.seek(4096)
            file.write(os.urandom(path.stat().st_size - 4096))
    (failure,) = await use(path)
    assert isinstance(failure, LogUnavailable)
    assert str(failure) == "The log cannot be opened: its file is damaged."


@pytest.mark.parametrize("seed", range(5))
async def test_damaged_pages_are_told_and_never_guessed(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.sqlite"
    await written(path)
    chance = random.Random(seed)
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in chance.sample(range(1, pages), pages // 3):
            file.seek(page * 4096)
            file.write(chance.randbytes(4096))
    failures = await use(path)
    assert failures
    for failure in failures:
        assert isinstance(failure, LogUnavailable)
        assert str(failure).endswith(": its file is damaged.")
        assert isinstance(failure.__cause__, sqlite3.DatabaseError)
