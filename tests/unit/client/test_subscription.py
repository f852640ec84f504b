"""Channels that are added and removed on the way: what the server is told, and asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.unit.client.fake_server import FakeServer, refusal, stream
from tidewire.client import Backoff, ChannelEvent, Subscription
from tidewire.client.places import Places
from tidewire.errors import ServerRefused
from tidewire.wire.parser import ServerSentEvent

AT_ONCE = {"backoff": Backoff(base_seconds=0.0)}


def opened(connection: str, **places: str) -> str:
    streams = [{"stream": name, "cursor": place} for name, place in places.items()]
    data = json.dumps({"connection": connection, "streams": streams})
    return f"id: {'.'.join(places.values())}\nevent: stream.open\ndata: {data}\n\n"


def event(id: str, data: str) -> str:
    return f"id: {id}\ndata: {data}\n\n"


def changed(**places: str) -> bytes:
    streams = [{"stream": name, "cursor": place} for name, place in places.items()]
    body = json.dumps({"cursor": "", "streams": streams})
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"HTTP/1.1 200 OK\r\n{head}\r\n{body}".encode()


OPEN = opened("c1", news="a-0", weather="b-0")
ONE = stream(OPEN + event("a-1.b-0", "one")) + FakeServer.HOLD


class Reader:
    """Reads in the background what a subscription gives."""

    def __init__(self, server: FakeServer, **options: Any) -> None:
        base = server.url.removesuffix("/api/chat")
        self.subscription = Subscription(base, ["news", "weather"], **AT_ONCE, **options)
        self.events: list[ChannelEvent] = []
        self._came = asyncio.Event()

    async def __aenter__(self) -> Reader:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, data: str) -> None:
        while not any(event.data == data for event in self.events):
            self._came.clear()
            await self._came.wait()

    async def _read(self) -> None:
        async for event in self.subscription:
            self.events.append(event)
            self._came.set()


async def test_what_is_added_is_read_on_the_connection_and_on_the_next_from_its_place() -> None:
    waits: list[str] = []
    gale = opened("c2", news="a-1", storms="s-4") + event("s-5.a-1", "gale")
    async with (
        FakeServer(
            ONE,
            changed(news="a-1", weather="b-0", storms="s-4"),
            refusal(404),
            stream(gale) + FakeServer.HOLD,
        ) as server,
        Reader(server, on_wait=lambda _, reason: waits.append(reason)) as reader,
    ):
        await reader.until("one")
        await reader.subscription.add("storms")
        await reader.subscription.remove("weather")
        await reader.until("gale")
        assert waits == []
    assert server.methods == ["GET", "PATCH", "PATCH", "GET"]
    assert server.requests[0].target == "/api/events?channel=news&channel=weather&from=now"
    assert server.requests[1].target == "/api/events/c1"
    assert server.requests[1].body == {"add": ["storms"], "remove": []}
    assert server.requests[3].target == "/api/events?channel=news&channel=storms&from=now"
    assert server.requests[3].headers["last-event-id"] == "a-1.s-4"
    assert reader.events[-1] == ChannelEvent("storms", "message", "gale", "s-5.a-1")
    assert reader.subscription.channels == ["news", "storms"]


async def test_what_came_before_the_answer_did_is_not_asked_for_again() -> None:
    told = opened("c1", news="a-0", weather="b-0", storms="s-4")
    came = OPEN + told + event("s-5.a-0.b-0.~", "gale")
    async with (
        FakeServer(
            stream(came) + FakeServer.HOLD,
            changed(news="a-0", weather="b-0", storms="s-4"),
            refusal(503),
            stream(opened("c2", news="a-0", storms="s-5") + event("a-1.s-5", "end")),
        ) as server,
        Reader(server) as reader,
    ):
        await reader.until("gale")
        await reader.subscription.add("storms")
        await reader.subscription.remove("weather")
        await reader.until("end")
    assert server.requests[3].headers["last-event-id"] == "a-0.s-5"


async def test_a_change_that_is_refused_changes_nothing() -> None:
    async with FakeServer(ONE, refusal(403, "Not yours.")) as server, Reader(server) as reader:
        await reader.until("one")
        with pytest.raises(ServerRefused, match="Not yours"):
            await reader.subscription.add("user:bo")
        assert reader.subscription.channels == ["news", "weather"]
    assert server.methods == ["GET", "PATCH"]


async def test_a_loop_may_change_what_it_reads() -> None:
    connections = [
        stream(OPEN + event("a-1.b-0", "one")),
        stream(opened("c2", news="a-1", weather="b-0") + event("a-2.b-0", "two")) + FakeServer.HOLD,
        refusal(404),
        stream(opened("c3", news="a-2") + event("a-3", "three")) + FakeServer.HOLD,
    ]
    async with FakeServer(*connections) as server:
        base = server.url.removesuffix("/api/chat")
        subscription = Subscription(base, ["news", "weather"], since="start", **AT_ONCE)
        async for each in subscription:
            if each.data == "two":
                await subscription.remove("weather")
            if each.data == "three":
                break
    assert server.requests[2].target == "/api/events/c2"
    assert server.requests[3].target == "/api/events?channel=news&from=now"


async def test_what_is_published_after_it_was_added_is_read_by_the_next_connection() -> None:
    """Though the loop waits for the change, and opens no connection meanwhile."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    answers = [
        ONE,
        refusal(404),
        refusal(503, headers="Retry-After: 7\r\n"),
        changed(storms="s-4", news="a-9"),
        stream(opened("c2", news="a-1", weather="b-0", storms="s-4") + event("s-5", "gale")),
    ]
    async with FakeServer(*answers) as server:
        base = server.url.removesuffix("/api/chat")
        subscription = Subscription(base, ["news", "weather"], sleep=sleep)
        async for each in subscription:
            if each.data == "one":
                await subscription.add("storms", "news")
                asked = len(server.requests)
            if each.data == "gale":
                break
    assert (asked, slept) == (4, [7.0])
    query = "channel=storms&channel=news&mode=poll&from=now&wait=0"
    assert server.requests[3].target == f"/api/events?{query}"
    assert server.requests[4].headers["last-event-id"] == "a-1.b-0.s-4"


async def test_what_may_not_be_read_is_refused_by_whoever_is_asked() -> None:
    answers = [ONE, refusal(404), refusal(403, "Not yours.")]
    async with FakeServer(*answers) as server, Reader(server) as reader:
        await reader.until("one")
        with pytest.raises(ServerRefused, match="Not yours"):
            await reader.subscription.add("user:bo")
        assert reader.subscription.channels == ["news", "weather"]
    assert server.methods == ["GET", "PATCH", "GET"]


async def test_outside_of_the_loop_nobody_has_to_be_told() -> None:
    async with FakeServer(stream(opened("c1", storms="s-0") + event("s-1", "gale"))) as server:
        base = server.url.removesuffix("/api/chat")
        subscription = Subscription(base, ["news"], since="start", cursor="s-0.a-1.~")
        await subscription.add("storms")
        await subscription.remove("news")
        async for each in subscription:
            if each.data == "gale":
                break
    (request,) = server.requests
    assert request.target == "/api/events?channel=storms&from=start"
    assert request.headers["last-event-id"] == "s-0.a-1"


def test_a_channel_that_was_removed_begins_anew_when_it_is_added_again() -> None:
    places = Places(["a", "b"])
    told = {"connection": "c", "streams": [{"stream": n, "cursor": f"{n}-1"} for n in "ab"]}
    places.see(ServerSentEvent("stream.open", json.dumps(told), "a-1.b-1"))
    places.change((), ["b"], ())
    places.change(["b"], (), ())
    assert (places.names, places.cursor()) == (["a", "b"], "a-1")
