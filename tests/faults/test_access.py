"""Connections that take in rooms and notifications while they are open, and who may do so."""

from __future__ import annotations

import json

import httpx

from tests.faults.conftest import Serve
from tests.faults.viewer import Connection
from tidewire.wire.parser import ServerSentEvent


async def test_a_connection_that_was_changed_comes_back_as_it_was(serve: Serve) -> None:
    """Notifications and rooms on one connection: a browser has only six."""
    server = await serve()
    target = "/api/notifications?user=ann"
    first = await Connection.open(server.port, "GET", target)
    opened = await until(first, "stream.open")
    path = f"/api/events/{json.loads(opened.data)['connection']}?user=ann"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as api:
        assert (await api.patch(path, json={"add": ["room:lobby"]})).status_code == 200
        await until(first, "stream.open")
        first.cut()
        await api.post("/api/rooms/lobby/messages?user=bob", json={"text": "hello"})
        await api.post("/api/users/ann/notifications?user=bob", json={"title": "hello"})
    headers = {"Last-Event-ID": first.parser.last_event_id}
    for type in ("room.message", "notification"):
        again = await Connection.open(server.port, "GET", target, headers=headers)
        assert "hello" in (await until(again, type)).data
        again.cut()


async def until(connection: Connection, type: str) -> ServerSentEvent:
    while (events := await connection.read()) is not None:
        for event in events:
            if event.event == type:
                return event
    raise AssertionError("the stream has ended")


async def test_a_connection_takes_in_only_what_its_caller_may_read(serve: Serve) -> None:
    server = await serve()
    news = await Connection.open(server.port, "GET", "/api/events?channel=news&user=bob")
    opened = await until(news, "stream.open")
    path = f"/api/events/{json.loads(opened.data)['connection']}"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as api:
        for channel, status in ("user:ann", 403), ("user:bob", 200), ("room:lobby", 200):
            answer = await api.patch(path, params={"user": "bob"}, json={"add": [channel]})
            assert answer.status_code == status, channel
    news.cut()
