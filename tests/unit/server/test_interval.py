"""``/api/demo/interval``: Message N, resumed where it was, and nothing else."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.unit.server.conftest import Start
from tests.unit.server.test_channels_many import publish, seen
from tests.unit.server.watching import Watch
from tidewire.server import interval


async def test_messages_are_counted_from_0_at_the_pace_asked_for(api: httpx.AsyncClient) -> None:
    begun = time.monotonic()
    async with Watch(api, "/api/demo/interval?ms=20") as watch:
        events = await watch.until(6)
    assert [event.data for event in events] == [f"Message {n}" for n in range(6)]
    assert time.monotonic() - begun >= 0.1


async def test_a_reconnect_goes_on_and_another_client_begins(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/demo/interval?ms=10") as watch:
        cursor = (await watch.until(3))[-1].id
    async with (
        Watch(api, "/api/demo/interval?ms=10", cursor=cursor) as again,
        Watch(api, "/api/demo/interval?ms=10") as other,
    ):
        assert (await again.until(1))[0].data == "Message 3"
        assert (await other.until(1))[0].data == "Message 0"


@pytest.mark.parametrize("ms", [10, 60_000])
async def test_it_goes_on_at_another_server_whether_the_first_still_counts_or_not(
    start: Start, tmp_path: Path, ms: int
) -> None:
    log = {"url": f"sqlite:///{tmp_path / 'log.db'}"}
    one, other = await start(log=log), await start(log=log)
    async with Watch(one, f"/api/demo/interval?ms={ms}") as watch:
        cursor = (await watch.until(1))[0].id
    async with Watch(other, "/api/demo/interval?ms=10", cursor=cursor) as watch:
        events = await watch.until(20)
    assert [event.data for event in events] == [f"Message {n}" for n in range(1, len(events) + 1)]


async def test_the_server_that_its_reader_has_left_leaves_it_to_the_next(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interval, "GRACE_SECONDS", 0.4)
    log = {"url": f"sqlite:///{tmp_path / 'log.db'}"}
    one, other = await start(log=log), await start(log=log)
    async with Watch(one, "/api/demo/interval?ms=10") as watch:
        cursor = (await watch.until(1))[0].id
    async with Watch(other, "/api/demo/interval?ms=10", cursor=cursor) as watch:
        begun, events = time.monotonic(), watch.events
        while time.monotonic() - begun < 1.2 and not watch.resets():
            await watch.until(len(events) + 1)
    assert [event.data for event in events] == [f"Message {n}" for n in range(1, len(events) + 1)]


async def test_it_goes_on_elsewhere_when_its_server_ends(start: Start, tmp_path: Path) -> None:
    log = {"url": f"sqlite:///{tmp_path / 'log.db'}"}
    one, other = await start(log=log), await start(log=log)
    async with Watch(one, "/api/demo/interval?ms=10") as watch:
        await watch.until(1)
        tide = one._transport.app.state.tide  # type: ignore[attr-defined]
        await tide.begin_drain()
        await watch.over()
        await tide.close()
    last = watch.events[-1]
    async with Watch(other, "/api/demo/interval?ms=10", cursor=last.id) as again:
        number = int(last.data.removeprefix("Message "))
        assert [event.data for event in await again.until(2)] == [
            f"Message {number + 1}",
            f"Message {number + 2}",
        ]


async def test_it_is_gone_some_time_after_its_last_reader(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interval, "GRACE_SECONDS", 0.05)
    async with Watch(api, "/api/demo/interval?ms=10") as watch:
        cursor = (await watch.until(8))[-1].id
        assert len((await api.get("/api/channels")).json()["channels"]) == 1
    async with asyncio.timeout(10):
        while (await api.get("/api/channels")).json()["channels"]:
            await asyncio.sleep(0.01)
    async with Watch(api, "/api/demo/interval?ms=10", cursor=cursor) as late:
        events = await late.until(2)
        assert late.resets()[0]["reason"] == "unknown"
        assert events[1].data == "Message 0"


async def test_a_cursor_of_something_else_does_not_open_it(api: httpx.AsyncClient) -> None:
    await publish(api, "private", "secret")
    for cursor in (await seen(api, "private"), "no cursor"):
        async with Watch(api, "/api/demo/interval?ms=10", cursor=cursor) as watch:
            await publish(api, "private", "more")
            await watch.until(3)
            assert [event.data for event in watch.published()][:2] == ["Message 0", "Message 1"]


async def test_a_server_that_ends_does_not_wait_for_its_demo(start: Start) -> None:
    api = await start()
    tide = api._transport.app.state.tide  # type: ignore[attr-defined]
    async with Watch(api, "/api/demo/interval?ms=60000") as watch:
        await watch.until(1)
        begun = time.monotonic()
        await tide.begin_drain()
        await watch.over()
        await tide.close()
    assert time.monotonic() - begun < 20


async def test_a_server_that_ends_makes_no_channel(api: httpx.AsyncClient) -> None:
    tide = api._transport.app.state.tide  # type: ignore[attr-defined]
    await tide.begin_drain()
    assert (await api.get("/api/demo/interval")).status_code == 503
    assert (await api.get("/api/channels")).json()["channels"] == []


@pytest.mark.parametrize("ms", ["9", "60001", "fast"])
async def test_the_pace_has_limits(api: httpx.AsyncClient, ms: str) -> None:
    assert (await api.get(f"/api/demo/interval?ms={ms}")).status_code == 400
