"""What somebody is told cannot be had by changing an open connection either."""

from __future__ import annotations

import json

import httpx

from tests.faults.conftest import Serve
from tests.faults.viewer import Connection


async def test_a_connection_takes_in_only_what_its_caller_may_read(serve: Serve) -> None:
    server = await serve()
    news = await Connection.open(server.port, "GET", "/api/events?channel=news&user=bob")
    events = await news.read()
    while not events:
        events = await news.read()
    path = f"/api/events/{json.loads(events[0].data)['connection']}"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as api:
        for channel, status in ("user:ann", 403), ("user:bob", 200), ("room:lobby", 200):
            answer = await api.patch(path, params={"user": "bob"}, json={"add": [channel]})
            assert answer.status_code == status, channel
    news.cut()
