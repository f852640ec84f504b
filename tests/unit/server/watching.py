"""Reading a stream of the app in this process, event by event, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any, Self

import httpx

from tidewire.wire.parser import Parser, ServerSentEvent

Message = MutableMapping[str, Any]


class Watch:
    """One GET. Enter it; leave it and the viewer is gone."""

    def __init__(self, api: httpx.AsyncClient, target: str, *, cursor: str | None = None) -> None:
        self.status = 0
        self.events: list[ServerSentEvent] = []
        self.retry_milliseconds: int | None = None
        self.is_over = False
        self._parser = Parser()
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        path, _, query = target.partition("?")
        headers = [(b"last-event-id", cursor.encode())] if cursor is not None else []
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"tidewire.test"), *headers],
            "client": ("127.0.0.1", 4711),
            "server": ("tidewire.test", 80),
        }
        transport = api._transport
        assert isinstance(transport, httpx.ASGITransport)
        self._app = transport.app

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._left.set()
        async with asyncio.timeout(10):
            await self._task

    async def until(self, count: int) -> list[ServerSentEvent]:
        """The first ``count`` events."""
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.events[:count]

    async def over(self) -> None:
        """The server has ended the response."""
        async with asyncio.timeout(10):
            while not self.is_over:
                self._changed.clear()
                await self._changed.wait()

    async def opened(self) -> dict[str, Any]:
        """What the first event, ``stream.open``, says."""
        (first,) = await self.until(1)
        assert first.event == "stream.open"
        told: dict[str, Any] = json.loads(first.data)
        return told

    async def connection(self) -> str:
        name: str = (await self.opened())["connection"]
        return name

    def published(self) -> list[ServerSentEvent]:
        """All events but those about the stream."""
        return [event for event in self.events if not event.event.startswith("stream.")]

    def resets(self) -> list[dict[str, Any]]:
        return [json.loads(e.data) for e in self.events if e.event == "stream.reset"]

    async def _run(self) -> None:
        await self._app(self._scope, self._receive, self._send)
        self.is_over = True
        self._changed.set()

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self.status == 200:
            self.events += self._parser.feed(message["body"])
            self.retry_milliseconds = self._parser.retry_milliseconds
        self._changed.set()
