"""Notifications over real sockets and a real disk: tabs, absence, a dead server."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.conftest import Serve
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection
from tidewire.wire.parser import ServerSentEvent

STREAM = "/api/notifications?user=ann"
LIST = "/api/notifications/list?user=ann"


async def tell(server: ServerProcess, path: str, title: str) -> str:
    answer = await server.post(path, params={"user": "bob"}, json={"title": title})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def tell_ann(server: ServerProcess, title: str) -> str:
    return await tell(server, "/api/users/ann/notifications", title)


async def tell_all(server: ServerProcess, title: str) -> str:
    return await tell(server, "/api/notifications/broadcast", title)


async def until(tab: Connection, type: str, count: int = 1) -> list[ServerSentEvent]:
    """The next events of this type."""
    found: list[ServerSentEvent] = []
    while len(found) < count:
        events = await tab.read()
        assert events is not None, "the stream has ended"
        found += [event for event in events if event.event == type]
    return found


def titles(events: list[ServerSentEvent]) -> list[str]:
    return [json.loads(event.data)["title"] for event in events]


async def test_all_tabs_hear_and_who_was_away_gets_what_was_missed(serve: Serve) -> None:
    server = await serve()
    tabs = [await Connection.open(server.port, "GET", STREAM) for _ in range(2)]
    for tab in tabs:
        await until(tab, "stream.open")
    first = await tell_ann(server, "one")
    assert [titles(await until(tab, "notification")) for tab in tabs] == [["one"]] * 2
    await server.post("/api/notifications/read?user=ann", json={"ids": [first]})
    for tab in tabs:
        (read,) = await until(tab, "notification.read")
        assert json.loads(read.data)["unread"] == 0
        tab.cut()
    await tell_ann(server, "two")
    await tell_all(server, "three")
    await server.kill()
    await server.start()
    await tell_ann(server, "four")
    headers = {"Last-Event-ID": tabs[0].parser.last_event_id}
    for options in ({"headers": headers}, {}):  # an EventSource, and a page opened anew
        back = await Connection.open(server.port, "GET", STREAM, **options)
        assert sorted(titles(await until(back, "notification", 3))) == ["four", "three", "two"]
        back.cut()
    page: dict[str, Any] = (await server.get(LIST)).json()
    assert page["unread"] == 3
    shown = [(n["title"], n["read"]) for n in page["notifications"]]
    assert shown == [("four", False), ("three", False), ("two", False), ("one", True)]
