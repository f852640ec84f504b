"""A model API on loopback that misbehaves as told, down to the byte.

A raw server, not a web framework: a framework would not send half a character or break
its own chunked encoding.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

Behaviour = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request and the answer being written to it."""

    def __init__(self, head: str, body: bytes, connection: _Connection) -> None:
        lines = head.split("\r\n")
        self.target = lines[0]
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        self.body = json.loads(body)
        self.gone = connection.gone
        self._connection = connection

    async def raw(self, data: bytes) -> None:
        await self._connection.write(data)

    async def start(self, content_type: str = "text/event-stream") -> None:
        await self.raw(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    async def send(self, data: bytes) -> None:
        """One HTTP chunk."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def stream(self, *pieces: bytes) -> None:
        """A well-formed streamed answer of these pieces."""
        await self.start()
        for piece in pieces:
            await self.send(piece)
        await self.end()

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def reply(
        self, status: int, body: bytes, *, headers: str = "", content_type: str = "application/json"
    ) -> None:
        """A whole answer with a length; ``headers`` are lines ended by CRLF."""
        await self.raw(
            f"HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    async def hang(self) -> None:
        """Says nothing more until the client goes away."""
        await self.gone.wait()

    def abort(self) -> None:
        """Resets the connection."""
        self._connection.transport.abort()


class FakeUpstream:
    """Answers every request with ``behave``, and remembers it."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.asked = asyncio.Event()
        self.exchanges: list[Exchange] = []
        self.connections: list[_Connection] = []

    async def __aenter__(self) -> FakeUpstream:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for connection in self.connections:
            connection.transport.abort()
        tasks = [task for connection in self.connections for task in connection.tasks]
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(result, ConnectionError | None):
                raise result


class _Connection(asyncio.Protocol):
    """``gone`` is set when the client has closed it."""

    transport: asyncio.Transport

    def __init__(self, server: FakeUpstream) -> None:
        self.gone = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self._server = server
        self._received = b""
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.append(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *([0-9]+)", head)[1])  # type: ignore[index]
        if blank and len(rest) >= length:
            self._received = rest[length:]
            exchange = Exchange(head.decode(), rest[:length], self)
            self._server.exchanges.append(exchange)
            self._server.asked.set()
            self.tasks.append(asyncio.ensure_future(self._server.behave(exchange)))

    async def write(self, data: bytes) -> None:
        await self._writable.wait()
        if self.transport.is_closing():  # known before ``gone`` is, to who writes without a pause
            raise ConnectionResetError("The client has gone.")
        self.transport.write(data)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._writable.set()


def chunk(delta: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """One chat completion chunk as an SSE event."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": fields.pop("finish", None)}
    document = {"id": "c1", "object": "chat.completion.chunk", "choices": [choice], **fields}
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


FINISH = chunk(finish="stop")
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\n'
DONE = b"data: [DONE]\n\n"


def said(*words: str) -> list[bytes]:
    return [chunk({"content": word}) for word in words]
