"""What is piped or typed into a command, as bytes: UTF-8, whatever the terminal's encoding is.

Empty where there is no stdin at all. A command that waits for a line ends at Ctrl+C.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import BinaryIO

__all__ = ["read_all", "read_lines"]


def read_all() -> bytes:
    return b"" if sys.stdin is None else sys.stdin.buffer.read()


async def read_lines() -> AsyncGenerator[bytes, None]:
    """Each line with its end. Who leaves does not wait for the one that is to come."""
    if sys.stdin is None:
        return
    source = _own_buffer()
    while line := await _read_line(source):
        yield line


def _own_buffer() -> BinaryIO:
    """Not sys.stdin's: Python cannot exit while somebody waits in that."""
    return open(sys.stdin.fileno(), "rb", closefd=False)


async def _read_line(source: BinaryIO) -> bytes:
    """In a thread that nobody joins, as asyncio joins its own."""
    loop = asyncio.get_running_loop()
    read: asyncio.Future[bytes] = loop.create_future()

    def tell(line: bytes) -> None:
        if not read.done():
            read.set_result(line)

    def wait() -> None:
        line = source.readline()
        with suppress(RuntimeError):  # the loop is closed: nobody wants it any more
            loop.call_soon_threadsafe(tell, line)

    threading.Thread(target=wait, name="stdin", daemon=True).start()
    return await read
