"""A backup in the place of the log, as docs/operating.md shows it: who had seen more is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.logs import events, read_all
from tidewire.live.start import Start, find_start
from tidewire.log.sqlite import SqliteLog
from tidewire.wire.cursor import Position

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def follow_the_page(folder: Path, step: int) -> None:
    """Runs its first piece of Python, which makes the backup, or its second, which restores it."""
    code = re.findall(r"```python\n(.*?)```", OPERATING.read_text(), re.DOTALL)[step]
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


async def see_more_than_a_copy_holds(folder: Path) -> dict[str, str]:
    """Each stream's newest cursor in a log of which there is an older copy."""
    log = SqliteLog(folder / "data" / "log.db")
    await log.open()
    for name in ("ended", "news", "run"):
        await log.create(name, owner="us" if name == "run" else None)
        await log.append(name, events("one", "two"), close=name == "ended")
    follow_the_page(folder, 0)
    assert (folder / "backup.db").stat().st_mode & 0o077 == 0
    for name in ("news", "run"):
        await log.append(name, events("lost"))
    seen = {name: await log.info(name) for name in ("ended", "news", "run")}
    await log.close()
    return {name: str(Position(stream.epoch, stream.head)) for name, stream in seen.items()}


@pytest.mark.parametrize("log_is", ["there", "gone"])
async def test_who_had_seen_more_is_told_whatever_was_published_since(
    tmp_path: Path, log_is: str
) -> None:
    cursors = await see_more_than_a_copy_holds(tmp_path)
    if log_is == "gone":
        (tmp_path / "data" / "log.db").unlink()
    follow_the_page(tmp_path, 1)
    log = SqliteLog(tmp_path / "data" / "log.db")
    await log.open()
    assert await log.orphans() == ["run"]
    await log.append("news", events("anew", "anew"))
    starts = {n: find_start(await log.info(n), cursor=seen) for n, seen in cursors.items()}
    assert starts == {
        "ended": Start(2, resumed=True, heard_last=True),
        "news": Start(4, reset="unknown"),
        "run": Start(2, reset="unknown"),
    }
    assert await read_all(log, "news") == ["one", "two", "anew", "anew"]
    await log.close()
