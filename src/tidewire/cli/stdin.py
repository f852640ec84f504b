"""What is piped or typed into a command, as bytes: UTF-8, whatever the terminal's encoding is.

Empty where there is no stdin at all; one that cannot be read, as under nohup, is said. A
command that waits for a line ends at Ctrl+C.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress

import typer

__all__ = ["read_all", "read_lines"]


def read_all() -> bytes:
    """Raises typer.BadParameter."""
    try:
        return b"" if sys.stdin is None else sys.stdin.buffer.read()
    except OSError as exc:
        raise _unreadable(exc) from exc


async def read_lines() -> AsyncGenerator[bytes, None]:
    """Each line with its end; the next is read meanwhile, and no more. Raises typer.BadParameter.

    Who leaves does not wait for a line that is to come: nobody joins the thread.
    """
    if sys.stdin is None:
        return
    loop, room = asyncio.get_running_loop(), threading.Semaphore()
    lines: asyncio.Queue[bytes | OSError] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants any more
            for line in _lines():
                room.acquire()
                loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while line := await lines.get():
        if isinstance(line, OSError):
            raise _unreadable(line) from line
        room.release()
        yield line


def _lines() -> Iterator[bytes | OSError]:
    """The lines, then how they ended: nothing, or why there are no more."""
    try:
        # Not sys.stdin's buffer: Python cannot exit while somebody waits in that.
        yield from open(sys.stdin.fileno(), "rb", closefd=False)
        yield b""
    except OSError as exc:
        yield exc


def _unreadable(exc: OSError) -> typer.BadParameter:
    return typer.BadParameter(f"stdin cannot be read: {exc.strerror}.")
