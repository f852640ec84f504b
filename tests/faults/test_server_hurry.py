"""Connections that come and go in a hurry while much is said: each gets its own bytes alone.

What goes to many goes past their transports, to descriptors that the next connection may
have a moment later. So every byte of every connection is looked at.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.conftest import Serve

VISITORS = 40
ROUNDS = 8
FLOOD = 16
CHANNELS = ["red", "blue"]
CONFIG = """
heartbeat_seconds = 0.3
max_connection_seconds = 0.3
limits.enabled = false
"""
RESET = struct.pack("ii", 1, 0)

OPENING = re.compile(
    rb": tidewire\nid: [\w-]+\nretry: \d+\n\nid: [\w-]+\nevent: stream\.open\ndata: \{.*\}\n\n"
)
NEXT = re.compile(
    rb":\n|retry: \d+\n\n|id: \w+-(?P<offset>\w+)\nevent: message\n"
    rb"data: (?P<channel>\w+) (?P<number>\d+) (?P<rest>x*)\n\n"
)


async def test_who_comes_and_goes_while_much_is_said_gets_his_own_bytes_alone(
    serve: Serve,
) -> None:
    server = await serve(CONFIG)
    visitors = [asyncio.create_task(_visit(server.port, number)) for number in range(VISITORS)]
    speakers = [asyncio.create_task(_speak(server.port, channel)) for channel in CHANNELS]
    await asyncio.gather(*visitors)
    for speaker in speakers:
        speaker.cancel()
    await asyncio.wait(speakers)
    assert all(speaker.cancelled() for speaker in speakers), speakers

    names = CHANNELS * 10
    begun = asyncio.Barrier(len(names) + 1)
    staying = [asyncio.create_task(_stay(server.port, name, begun)) for name in names]
    await begun.wait()
    server.terminate()
    await asyncio.gather(*staying)
    assert await server.wait() == 0
    assert "ERROR" not in server.log


async def _visit(port: int, number: int) -> None:
    ways = [_leave_at_once, _leave_in_between, _fall_behind, _ask_for_all_at_once]
    for turn in range(number, number + ROUNDS):
        await ways[turn % 4](port, CHANNELS[turn // 4 % 2], turn)


async def _leave_at_once(port: int, channel: str, turn: int) -> None:
    async with connected(port, is_reset=turn % 2 == 0) as connection:
        connection.ask(f"/api/channels/{channel}")
        await asyncio.sleep(turn % 7 / 500)  # the head may be out then, or not


async def _leave_in_between(port: int, channel: str, turn: int) -> None:
    async with connected(port, is_reset=turn % 2 == 0) as connection:
        connection.ask(f"/api/channels/{channel}")
        await connection.read_stream(channel, most=turn % 20)


async def _fall_behind(port: int, channel: str, turn: int) -> None:
    async with connected(port, receive_buffer_bytes=4096) as connection:
        connection.ask(f"/api/channels/{channel}")
        await asyncio.sleep(0.2)  # meanwhile its socket fills
        await connection.read_stream(channel)


async def _ask_for_all_at_once(port: int, channel: str, turn: int) -> None:
    other = CHANNELS[turn % 2]
    async with connected(port) as connection:
        connection.ask("/healthz", f"/api/channels/{channel}", "/healthz", f"/api/channels/{other}")
        for name in (channel, other):
            assert await connection.read_body() == b'{"status":"ok"}'
            await connection.read_stream(name)


async def _stay(port: int, channel: str, begun: asyncio.Barrier) -> None:
    async with connected(port) as connection:
        connection.ask(f"/api/channels/{channel}")
        await connection.read_opening()
        await begun.wait()
        await connection.read_events(channel)
        assert await connection.reader.read() == b""


async def _speak(port: int, channel: str) -> None:
    """Publishes for ever, now and then at once more than a socket takes."""
    async with connected(port) as connection:
        for number in itertools.count():
            event = {"data": f"{channel} {number} {'x' * _size(number)}"}
            events = [event] * (FLOOD if number % 100 == 99 else 1)
            connection.ask(f"/api/channels/{channel}", method="POST", data=json.dumps(events))
            assert b'"cursor"' in await connection.read_body()


def _size(number: int) -> int:
    return 200_000 if number % 100 == 99 else number * 7919 % 3000


@asynccontextmanager
async def connected(
    port: int, *, receive_buffer_bytes: int | None = None, is_reset: bool = False
) -> AsyncIterator[Connection]:
    """``is_reset``: it is left with a TCP RST."""
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    if is_reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        writer.transport.abort()


class Connection:
    """Takes nothing but what should come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    def ask(self, *paths: str, method: str = "GET", data: str = "") -> None:
        kind = "Content-Type: application/json"
        head = f"HTTP/1.1\r\nHost: test\r\n{kind}\r\nContent-Length: {len(data)}"
        asked = [f"{method} {path} {head}\r\n\r\n{data}" for path in paths]
        self._writer.write("".join(asked).encode())

    async def read_body(self) -> bytes:
        """That of an answer of known length."""
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", await self._read_head())
        assert length
        return await self.reader.readexactly(int(length[1]))

    async def read_stream(self, channel: str, *, most: float = math.inf) -> None:
        """The whole response, or its beginning and so many chunks more."""
        await self.read_opening()
        await self.read_events(channel, most=most)

    async def read_opening(self) -> None:
        assert b"\r\ntransfer-encoding: chunked\r\n" in await self._read_head()
        opening = await self._read_chunk() + await self._read_chunk()
        assert OPENING.fullmatch(opening), opening

    async def read_events(self, channel: str, *, most: float = math.inf) -> None:
        last, count = 0, 0
        while count < most and (chunk := await self._read_chunk()):
            last = _check(chunk, channel, last)
            count += 1

    async def _read_head(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert re.match(rb"HTTP/1\.1 20[01] ", head), head
        return head

    async def _read_chunk(self) -> bytes:
        line = await self.reader.readline()
        assert re.fullmatch(rb"[0-9a-f]+\r\n", line), line[:100]
        chunk = await self.reader.readexactly(int(line, 16) + 2)
        assert chunk.endswith(b"\r\n")
        return chunk[:-2]


def _check(chunk: bytes, channel: str, last: int) -> int:
    """That it has whole events of the channel, which follow that at ``last``; its own last."""
    place = 0
    while place < len(chunk):
        found = NEXT.match(chunk, place)
        assert found, chunk[place : place + 100]
        place = found.end()
        if found["offset"]:
            offset = int(found["offset"], 36)
            assert offset == last + 1 or not last
            assert found["channel"].decode() == channel
            assert len(found["rest"]) == _size(int(found["number"]))
            last = offset
    return last
