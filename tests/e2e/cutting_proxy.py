"""A TCP proxy that cuts connections: the network as it is on a train.

Each connection carries one request and is cut where the test says. It asks clients to
come back at once: the server's ``retry: 2000`` would make tests slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

Cut = int | bytes | None
"""After so many bytes of the answer; behind these bytes, when they were heard; or not at all."""

HEARD_SECONDS = 0.3
"""A browser forgets what it has received and not looked at yet when the connection breaks."""


class CuttingProxy:
    """Before ``upstream_port``; ``plan`` is called with each connection's first line.

    It returns where the answer is cut. While ``is_down``, connections are closed as soon
    as they are accepted.
    """

    def __init__(self, upstream_port: int, plan: Callable[[str], Cut] = lambda _: None) -> None:
        self.is_down = False
        self.cuts = 0
        self.requests: list[str] = []
        """The head of every request, in order."""
        self._upstream_port = upstream_port
        self._plan = plan
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self.cut_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self) -> None:
        """Cuts every connection now, on both sides."""
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if not self.is_down:
                await self._relay(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            up_writer.write(_once(head).encode())
            cut = self._plan(head.partition("\r\n")[0])
            asking = asyncio.create_task(_pipe(reader, up_writer))
            try:
                await self._answer(up_reader, writer, cut)
            finally:
                asking.cancel()
        finally:
            up_writer.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Cut
    ) -> None:
        while data := await reader.read(65_536):
            data = data.replace(b"retry: 2000\n", b"retry: 0010\n")
            data, cut, is_over = _until(cut, data)
            writer.write(data)
            await writer.drain()
            if is_over:
                self.cuts += 1
                if isinstance(cut, bytes):
                    await asyncio.sleep(HEARD_SECONDS)
                break
        # Not aborted: a reset may take away what has arrived and was not read yet.
        writer.close()
        await writer.wait_closed()


def _until(cut: Cut, data: bytes) -> tuple[bytes, Cut, bool]:
    """What of ``data`` goes through, where to cut what follows, and whether this was it."""
    if isinstance(cut, int):
        return data[:cut], cut - len(data), cut <= len(data)
    if isinstance(cut, bytes) and cut in data:
        return data[: data.index(cut) + len(cut)], cut, True
    return data, cut, False


def _once(head: str) -> str:
    """The request, as the only one on its connection."""
    lines = [x for x in head.split("\r\n") if not x.lower().startswith("connection:")]
    return "\r\n".join([lines[0], "Connection: close", *lines[1:]])


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
