"""A viewer over a raw socket, which can be cut at any byte and resumes from its cursor.

It keeps what a browser keeps: an id counts when its event was dispatched (WHATWG HTML,
9.2.6), never before. Written for tests, so it checks what it receives.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any, NamedTuple, Self

import httptools

from tidewire.wire.cursor import Position, read_cursor
from tidewire.wire.parser import Parser, ServerSentEvent

READ_BYTES = 65_536


class Connection:
    """One HTTP/1.1 exchange; ``is_complete`` when the response has come to its proper end."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.is_complete = False
        self.parser = Parser()
        self.body = b""
        """What came of a response that is no stream."""
        self.received_bytes = 0
        self._arrived = b""
        self._response = httptools.HttpResponseParser(self)

    @classmethod
    async def open(
        cls,
        port: int,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        receive_buffer_bytes: int | None = None,
    ) -> Self:
        """Sends the request; nothing has been read when it returns."""
        self = cls()
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        limit = receive_buffer_bytes or READ_BYTES
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=limit)
        except BaseException:  # cancelled, too
            sock.close()
            raise
        self.socket = sock
        self._writer.write(_request(method, target, headers or {}, body))
        return self

    async def read(self, limit: int = READ_BYTES) -> list[ServerSentEvent] | None:
        """The events in the next bytes, at most ``limit`` of them; None when all is over."""
        if self.is_complete:
            return None
        try:
            data = await self._reader.read(limit)
        except ConnectionError:
            data = b""
        if not data:
            return None
        self.received_bytes += len(data)
        self._response.feed_data(data)
        arrived, self._arrived = self._arrived, b""
        if self.status == 200:
            return self.parser.feed(arrived)
        self.body += arrived
        return []

    async def head(self) -> Self:
        """Reads the head, a byte at a time so that no event is taken."""
        while self.status is None and await self.read(1) is not None:
            pass
        return self

    async def rest(self) -> list[ServerSentEvent]:
        """All events up to the end."""
        events: list[ServerSentEvent] = []
        while (more := await self.read()) is not None:
            events += more
        return events

    def cut(self, *, reset: bool = False) -> None:
        """Leaves at once; ``reset``: with a TCP RST."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    # What the HTTP parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_headers_complete(self) -> None:
        self.status = self._response.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._arrived += data

    def on_message_complete(self) -> None:
        self.is_complete = True


def _request(method: str, target: str, headers: dict[str, str], body: object) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: test"]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Said(NamedTuple):
    """What one SSE event of a dialect means: a piece of text, or an end."""

    text: str = ""
    end: str = ""


def understand(dialect: str, event: ServerSentEvent) -> Said:
    """Reads an event as the dialect's front end would."""
    if dialect == "native":
        if event.event == "text.delta":
            return Said(text=json.loads(event.data)["delta"])
        ends = ("run.finished", "run.stopped", "run.failed")
        return Said(end=event.event if event.event in ends else "")
    if event.event == "error":
        # In ``delta`` the error is followed by [DONE], which is the end.
        return Said(end="" if dialect == "delta" else "error")
    if event.event == "done" or event.data == "[DONE]":
        return Said(end="done")
    data = json.loads(event.data)
    if data.get("type") in ("done", "end", "error"):
        return Said(end=data["type"])
    return Said(text=data.get("d") or data.get("content") or data.get("char") or "")


class Viewer:
    """One person's reading of one answer, over as many connections as it takes."""

    def __init__(self, port: int, message: str, key: str) -> None:
        self.port = port
        self.text = ""
        self.ends: list[str] = []
        self.events: list[ServerSentEvent] = []
        self.location: str | None = None
        self.located = asyncio.Event()
        self.last_event_id = ""
        self.is_over = False
        self.starts = 0
        self._message = message
        self._key = key
        self._place = Position("", 0)
        self._epoch: str | None = None

    @property
    def run(self) -> str:
        assert self.location
        return self.location.rpartition("/")[2]

    async def connect(self, dialect: str = "native") -> Connection:
        """Asks; asks again with the same key; or, once the run is known, resumes it."""
        if self.location is None:
            self.starts += 1
            body = {"message": self._message}
            headers = {"Idempotency-Key": self._key}
            target = f"/api/chat?dialect={dialect}"
            return await Connection.open(self.port, "POST", target, headers=headers, body=body)
        headers = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        target = f"{self.location}?dialect={dialect}"
        return await Connection.open(self.port, "GET", target, headers=headers)

    async def follow(
        self,
        dialect: str = "native",
        *,
        cut_after_bytes: int | None = None,
        reset: bool = False,
    ) -> Connection:
        """One connection, up to its end or to so many bytes of it."""
        connection = await self.connect(dialect)
        try:
            while not self.is_over:
                left = READ_BYTES
                if cut_after_bytes is not None:
                    left = min(left, cut_after_bytes - connection.received_bytes)
                if left <= 0 or not await self._read(connection, dialect, left):
                    break
        finally:
            connection.cut(reset=reset)
        return connection

    async def _read(self, connection: Connection, dialect: str, limit: int) -> bool:
        """The next bytes; False if there are none."""
        events = await connection.read(limit)
        if connection.status is not None:
            self._take_head(connection)
        for event in events or ():
            self._take(dialect, event)
        self.last_event_id = connection.parser.last_event_id or self.last_event_id
        return events is not None

    def _take_head(self, connection: Connection) -> None:
        assert connection.status in (200, 204), (connection.status, connection.body)
        self.location = self.location or connection.headers["location"]
        self.located.set()
        if connection.status == 204 or connection.is_complete:
            self.is_over = True

    def _take(self, dialect: str, event: ServerSentEvent) -> None:
        assert event.event != "stream.reset", event
        self._check_place(dialect, event)
        said = understand(dialect, event)
        self.text += said.text
        if said.end:
            self.ends.append(said.end)
        self.events.append(event)

    def _check_place(self, dialect: str, event: ServerSentEvent) -> None:
        """No id comes twice; and where every stored event has one, none is left out."""
        (place,) = read_cursor(event.id)
        self._epoch = self._epoch or place.epoch
        assert place.epoch == self._epoch
        if dialect == "delta" and event.event == "error":
            return  # its id comes with [DONE]
        assert place[1:] > self._place[1:], f"{place} comes after {self._place}"
        if dialect == "native":
            assert place.offset == self._place.offset + 1, f"{place} after {self._place}"
        self._place = place


async def ask(
    port: int, message: str, *, headers: dict[str, str] | None = None, **body: Any
) -> tuple[Connection, list[ServerSentEvent]]:
    """One question by POST, read to its end."""
    body = {"message": message, **body}
    connection = await Connection.open(port, "POST", "/api/chat", headers=headers, body=body)
    try:
        return connection, await connection.rest()
    finally:
        connection.cut()


def text_of(events: list[ServerSentEvent]) -> str:
    """The text of native events."""
    return "".join(understand("native", event).text for event in events)
