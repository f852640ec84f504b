"""Who is connected, sending one away, and connections of limited life."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.unit.server.conftest import Start
from tests.unit.server.test_channels_many import publish
from tests.unit.server.watching import Watch


async def connections(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await api.get("/api/connections")).json()["connections"]
    return listed


async def test_everybody_is_listed_until_they_leave(api: httpx.AsyncClient) -> None:
    assert await connections(api) == []
    async with (
        Watch(api, "/api/events?channel=a&channel=b") as first,
        Watch(api, "/api/channels/c?dialect=chunk") as second,
    ):
        ids = [await first.connection(), await second.connection()]
        listed = await connections(api)
        assert [each["connection"] for each in listed] == ids
        assert [each["streams"] for each in listed] == [["a", "b"], ["c"]]
        assert [each["dialect"] for each in listed] == ["native", "chunk"]
        assert {each["peer"] for each in listed} == {"127.0.0.1:4711"}
        assert not any(each["slow"] for each in listed)
        assert all(0 <= each["seconds"] < 10 for each in listed)
    assert await connections(api) == []


async def test_one_is_sent_away_with_a_time_to_come_back_and_the_others_stay(
    api: httpx.AsyncClient,
) -> None:
    async with Watch(api, "/api/channels/a") as sent, Watch(api, "/api/channels/a") as kept:
        connection = await sent.connection()
        await kept.until(1)
        assert (await api.delete(f"/api/connections/{connection}")).status_code == 204
        await sent.over()
        assert sent.retry_milliseconds == 2000
        assert (await api.delete(f"/api/connections/{connection}")).status_code == 404
        await publish(api, "a", "1")
        await kept.until(2)
        assert not kept.is_over
    async with Watch(api, "/api/channels/a", cursor=sent.events[-1].id) as back:
        await back.until(2)
        assert [event.data for event in back.published()] == ["1"]


async def test_connections_end_at_their_age_and_lose_nothing(start: Start) -> None:
    api = await start(max_connection_seconds=1.2, heartbeat_seconds=0.1)
    received: list[str] = []
    published = connections = 0
    cursor: str | None = None

    async def read() -> None:
        nonlocal cursor, connections
        while len(received) < 60:
            connections += 1
            async with Watch(
                api, "/api/events?channel=a&channel=b&from=start", cursor=cursor
            ) as watch:
                await watch.over()
                received.extend(event.data for event in watch.published())
                cursor = watch.events[-1].id
                assert watch.retry_milliseconds is not None
                assert 1 <= watch.retry_milliseconds < 1000
                assert not watch.resets()

    async with asyncio.timeout(15):
        reading = asyncio.create_task(read())
        while not reading.done():
            await publish(api, "ab"[published % 2], str(published))
            published += 1
            await asyncio.sleep(0.02)  # an age cannot be hurried: the server has its own clock
        await reading
    assert connections >= 2
    for of in (0, 1):
        mine = [each for each in received if int(each) % 2 == of]
        assert mine == [str(n) for n in range(of, len(mine) * 2, 2)]


async def test_without_that_setting_they_stay(start: Start) -> None:
    api = await start(heartbeat_seconds=0.05)
    async with Watch(api, "/api/channels/a") as watch:
        await watch.until(1)
        await asyncio.sleep(0.3)
        assert not watch.is_over
