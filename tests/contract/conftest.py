"""Every store of the log, for the suite that all of them must pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.logs import Clock
from tidewire.log.base import Log
from tidewire.log.memory import MemoryLog
from tidewire.log.sqlite import SqliteLog

STORES: dict[str, Callable[..., Log]] = {
    "memory": lambda folder, clock: MemoryLog(clock=clock),
    "sqlite": lambda folder, clock: SqliteLog(folder / "log.sqlite", clock=clock),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
async def log(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Log]:
    log = STORES[request.param](tmp_path, clock)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
def told(log: Log) -> list[Any]:
    """What the log's listener was told: one list of commits per call."""
    calls: list[Any] = []
    log.listener = lambda commits: calls.append(list(commits))
    return calls
