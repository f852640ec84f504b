"""A process that dies, or sleeps too long, while it writes the log."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.logs import Clock
from tests.faults.log_process import STREAMS, event
from tidewire.log.ownership import LOOKS
from tidewire.log.sqlite import SqliteLog
from tidewire.wire.event import Event

ROOT = Path(__file__).parents[2]


@contextmanager
def log_process(path: Path, owner: str, *mode: str) -> Iterator[subprocess.Popen[str]]:
    """The process of log_process.py, once it is ready; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.faults.log_process", str(path), owner, *mode]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready 0 open\n"
            yield process
        finally:
            process.kill()


async def read_events(log: SqliteLog, name: str) -> list[Event]:
    events: list[Event] = []
    while (batch := await log.read(name, len(events))).events:
        assert batch.first == len(events) + 1
        events += batch.events
    assert len(events) == batch.head
    return events


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    seed = random.randrange(1_000_000)
    print("seed", seed)
    chance = random.Random(seed)
    acknowledged: dict[str, int] = {}
    closed: set[str] = set()
    for round in range(6):
        with log_process(path, f"owner-{round}", "write", str(seed + round)) as process:
            threading.Timer(chance.uniform(0.0, 0.3), process.kill).start()
            assert process.stdout is not None
            for line in process.stdout:
                name, offset, state = line.split()
                acknowledged[name] = int(offset)
                closed |= {name} if state == "closed" else set()
        await check(path, acknowledged, closed)
    assert sum(acknowledged.values()) > 100
    assert closed


async def check(path: Path, acknowledged: dict[str, int], closed: set[str]) -> None:
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    log = SqliteLog(path)
    await log.open()
    orphans = set(await log.orphans())  # at once, though the lease was for an hour
    assert orphans >= {f"s{n}" for n in range(STREAMS)}
    assert not orphans & closed
    for name, offset in acknowledged.items():
        events = await read_events(log, name)
        assert len(events) >= offset
        assert events == [event(name, n) for n in range(1, len(events) + 1)]
        assert (await log.info(name)).closed == (name not in orphans)
    await log.close()


async def test_a_zombie_is_fenced_out(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    heir = SqliteLog(path, clock=lambda: time.time() + 3601)
    await heir.open()
    with log_process(path, "zombie", "obey") as process:

        def append() -> str:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            return process.stdout.readline()

        assert append() == "s 1 open\n"
        process.send_signal(signal.SIGSTOP)
        looks = [await heir.orphans() for _ in range(LOOKS)]
        assert looks[-1] == ["s"]
        fence = await heir.seize("s", "heir")
        assert await heir.append("s", [Event("t", "heir")], fence=fence) == 2
        process.send_signal(signal.SIGCONT)
        assert append() == "Fenced 0 open\n"
    assert await heir.append("s", [Event("t", "heir")], close=True, fence=fence) == 3
    assert [each.data for each in await read_events(heir, "s")] == ["zombie", "heir", "heir"]
    await heir.close()


async def test_a_clock_that_jumps_makes_no_orphans_of_the_living(tmp_path: Path) -> None:
    clock = Clock()
    owner, other = (SqliteLog(tmp_path / "log.sqlite", clock=clock) for _ in range(2))
    await owner.open()
    await other.open()
    await owner.create("s", owner="living")
    for seconds in (5, 60, 86400, -3600, 60):
        await owner.hold("living", 15)
        assert await other.orphans() == []
        clock.now += seconds
        assert await other.orphans() == []
    await owner.close()
    assert await other.orphans() == ["s"]
    await other.close()


async def test_a_living_owner_is_no_orphan_to_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    other = SqliteLog(path)
    await other.open()
    with log_process(path, "living", "obey") as process:
        process.send_signal(signal.SIGSTOP)
        assert await other.orphans() == []
        process.kill()
        process.wait()
        assert await other.orphans() == ["s"]
    await other.close()
