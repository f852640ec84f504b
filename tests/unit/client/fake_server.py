"""A server that answers each connection with the bytes that a test has written for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple, Self


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: Any


class FakeServer:
    """Answers the first connection with the first of ``answers``, and so on; then closes it.

    After the last one connections are closed without a word. ``hold`` as the end of an
    answer keeps the connection open and silent.
    """

    HOLD = b"<hold>"

    def __init__(self, *answers: bytes) -> None:
        self.requests: list[Request] = []
        self._answers = list(answers)
        self._connections: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/chat"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(asyncio.create_task(self._answer(reader, writer)))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await _read(reader))
            answer = self._answers.pop(0) if self._answers else b""
            writer.write(answer.removesuffix(self.HOLD))
            if answer.endswith(self.HOLD):
                await reader.read()  # until the client leaves
        finally:
            writer.close()
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, json.loads(body) if body else None)


def stream(text: str, headers: str = "") -> bytes:
    """A stream of this text, which ends when the connection does; ``headers`` end in CRLF."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{headers}\r\n{text}".encode()


def refusal(status: int, message: str = "", headers: str = "") -> bytes:
    body = json.dumps({"error": {"code": "x", "message": message}}) if message else "<h1>No</h1>"
    return (
        f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{headers}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
