"""What is piped in: by one reader that keeps step, and said if it cannot be read."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tidewire.cli import stdin


async def test_one_reader_keeps_step_with_who_takes_the_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readers: list[threading.Thread] = []

    def endless() -> Iterator[bytes]:
        while len(readers) < 10_000:
            readers.append(threading.current_thread())
            yield b"line\n"

    monkeypatch.setattr(stdin, "_lines", endless)
    monkeypatch.setattr(stdin.sys, "stdin", io.StringIO())
    taken = 0
    async for _ in stdin.read_lines():
        taken += 1
        assert len(readers) <= taken + 2
        if taken == 1000:
            break
    assert len(set(readers)) == 1


async def test_each_line_comes_with_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lines").write_bytes(b"a\r\n\nb")
    with (tmp_path / "lines").open() as file:
        monkeypatch.setattr(stdin.sys, "stdin", file)
        assert [line async for line in stdin.read_lines()] == [b"a\r\n", b"\n", b"b"]


async def test_a_stdin_that_cannot_be_read_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As nohup leaves it."""
    unreadable = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(unreadable) as file:
        monkeypatch.setattr(stdin.sys, "stdin", file)
        with pytest.raises(typer.BadParameter, match="stdin cannot be read: Bad file descriptor"):
            stdin.read_all()
        with pytest.raises(typer.BadParameter, match="stdin cannot be read: Bad file descriptor"):
            await anext(stdin.read_lines())
