"""Publishing to channels: what is taken, what is refused, what is kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tests.unit.server.watching import Watch
from tidewire.wire.cursor import read_cursor

TEXT = {"Content-Type": "text/plain; charset=utf-8"}


async def publish(api: httpx.AsyncClient, channel: str, data: str, **headers: str) -> str:
    response = await api.post(f"/api/channels/{channel}", content=data, headers=headers or TEXT)
    assert response.status_code == 201, response.text
    cursor: str = response.json()["cursor"]
    return cursor


async def history(api: httpx.AsyncClient, channel: str) -> list[tuple[str, str]]:
    """What a channel holds."""
    answer = await api.get(f"/api/channels/{channel}?mode=poll&from=start&wait=0")
    return [(event["event"], event["data"]) for event in answer.json()["events"]]


def offset(cursor: str) -> int:
    (position,) = read_cursor(cursor)
    return position.offset


async def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


# What is taken


async def test_text_is_the_data_of_one_event(api: httpx.AsyncClient) -> None:
    cursor = await publish(api, "news", "high\nwater 潮")
    assert offset(cursor) == 1
    typed = await api.post("/api/channels/news?event=tide", content="", headers=TEXT)
    assert (typed.status_code, offset(typed.json()["cursor"])) == (201, 2)
    assert await history(api, "news") == [("message", "high\nwater 潮"), ("tide", "")]


async def test_a_body_that_does_not_say_what_it_is_is_text(api: httpx.AsyncClient) -> None:
    assert (await api.post("/api/channels/news", content=b"plain")).status_code == 201
    assert await history(api, "news") == [("message", "plain")]


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"data": "text"}, [("message", "text")]),
        ({"event": "tide", "data": {"level": 3}}, [("tide", '{"level":3}')]),
        ({"data": None}, [("message", "null")]),
        ([{"data": 1.5}, {"event": "e", "data": ["a"]}], [("message", "1.5"), ("e", '["a"]')]),
    ],
)
async def test_json_is_one_event_or_an_array(
    api: httpx.AsyncClient, body: Any, stored: list[tuple[str, str]]
) -> None:
    response = await api.post("/api/channels/news", json=body)
    assert offset(response.json()["cursor"]) == len(stored)
    assert await history(api, "news") == stored


@pytest.mark.parametrize("name", ["a", "shop:7", "日本", "a.b@c~d+e-f_g", "x" * 200])
async def test_names_that_a_channel_may_have(api: httpx.AsyncClient, name: str) -> None:
    await publish(api, name, "1")
    assert (await api.get(f"/api/channels/{name}/info")).json()["channel"] == name


# What is refused, wholly


@pytest.mark.parametrize("name", [".a", "-a", "a b", "a,b", "x" * 201, "a%0A", "é" + "\u0301"])
async def test_names_that_none_may_have(api: httpx.AsyncClient, name: str) -> None:
    response = await api.post(f"/api/channels/{name}", content="1", headers=TEXT)
    assert await refusal(response) == (400, "bad_request")
    response = await api.get("/api/events", params={"channel": name})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b'{"event": "e"}',
        b'{"data": 1, "other": 2}',
        b'{"data": 1, "event": 7}',
        b'{"data": 1, "event": ""}',
        b'{"data": 1, "event": "stream.open"}',
        b'{"data": 1, "event": "a\\nb"}',
        b'{"data": 1, "event": "a\\u0000b"}',
        b'{"data": "\\ud800"}',
        b'{"data": "\xff"}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": 1, "event": "' + b"x" * 129 + b'"}',
        json.dumps([{"data": n} for n in range(1001)]).encode(),
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_json_that_is_no_event(api: httpx.AsyncClient, body: bytes) -> None:
    response = await api.post(
        "/api/channels/news", content=body, headers={"Content-Type": "application/json"}
    )
    status, code = await refusal(response)
    assert status == 400, response.text
    assert code in ("bad_request", "invalid_field")
    assert (await api.get("/api/channels/news/info")).status_code == 404


@pytest.mark.parametrize(
    "query", ["from=never", "mode=none", "mode=poll&wait=-1", "dialect=none", "channel=a b"]
)
async def test_a_reading_that_is_refused_makes_no_channel(
    api: httpx.AsyncClient, query: str
) -> None:
    assert (await api.get(f"/api/events?channel=news&{query}")).status_code == 400
    assert (await api.get("/api/channels/news/info")).status_code == 404


async def test_a_batch_with_one_bad_event_is_not_stored_at_all(api: httpx.AsyncClient) -> None:
    batch = [{"data": "good"}, {"data": "bad", "event": "stream.reset"}]
    assert (await api.post("/api/channels/news", json=batch)).status_code == 400
    assert (await api.post("/api/channels/news", json=batch[:1])).status_code == 201
    assert await history(api, "news") == [("message", "good")]


@pytest.mark.parametrize("type", ["image/png", "application/x-www-form-urlencoded"])
async def test_other_kinds_of_bodies(api: httpx.AsyncClient, type: str) -> None:
    response = await api.post("/api/channels/a", content="a=b", headers={"Content-Type": type})
    assert await refusal(response) == (415, "unsupported_media_type")
    assert "text/plain" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("charset", "status"),
    [('"UTF-8"', 201), ("us-ascii; x=y", 201), ("utf-16le", 415), ("iso-8859-1", 415)],
)
async def test_text_in_another_charset_is_refused_and_not_misread(
    api: httpx.AsyncClient, charset: str, status: int
) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    response = await api.post("/api/channels/a", content=b"h\0i\0", headers=headers)
    assert response.status_code == status


async def test_text_that_is_not_utf8(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/channels/a", content=b"\xff\xfe", headers=TEXT)
    assert await refusal(response) == (400, "bad_request")


@pytest.mark.parametrize("event", ["", "stream.x", "x" * 129])
async def test_types_that_a_text_event_cannot_have(api: httpx.AsyncClient, event: str) -> None:
    response = await api.post("/api/channels/a", params={"event": event}, content="1", headers=TEXT)
    assert await refusal(response) == (400, "bad_request")


async def test_an_event_may_be_so_large_in_bytes_and_no_larger(start: Start) -> None:
    api = await start(channels=[{"pattern": "small", "max_event_bytes": 6}])
    await publish(api, "small", "潮潮")
    response = await api.post("/api/channels/small", content="潮潮x", headers=TEXT)
    assert await refusal(response) == (413, "too_large")
    await publish(api, "other", "潮潮x")


async def test_who_publishes_too_often_is_told_when_to_come_back(start: Start) -> None:
    api = await start(channels=[{"pattern": "slow*", "max_publishes_per_second": 3}])
    for _ in range(3):
        await publish(api, "slow-1", "x")
    response = await api.post("/api/channels/slow-1", content="x", headers=TEXT)
    assert await refusal(response) == (429, "rate_limited")
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["error"]["retryable"] is True
    await publish(api, "slow-2", "each channel has its own count")
    assert len(await history(api, "slow-1")) == 3


# Idempotency


async def test_a_key_publishes_once_and_gives_the_same_cursor(api: httpx.AsyncClient) -> None:
    first = await publish(api, "news", "1", **{"Idempotency-Key": "k"})
    await publish(api, "news", "2")
    assert await publish(api, "news", "1", **{"Idempotency-Key": "k"}) == first
    other = await publish(api, "elsewhere", "1", **{"Idempotency-Key": "k"})
    assert other != first
    assert await history(api, "news") == [("message", "1"), ("message", "2")]


async def test_a_key_publishes_once_at_the_same_time(api: httpx.AsyncClient) -> None:
    batch = json.dumps([{"data": 1}, {"data": 2}])
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    cursors = await asyncio.gather(*(publish(api, "news", batch, **headers) for _ in range(20)))
    assert len(set(cursors)) == 1 and offset(cursors[0]) == 2
    assert await history(api, "news") == [("message", "1"), ("message", "2")]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(api: httpx.AsyncClient, key: str) -> None:
    headers = {**TEXT, "Idempotency-Key": key}
    assert (await api.post("/api/channels/a", content="1", headers=headers)).status_code == 400


# What is kept


async def test_the_first_rule_that_matches_decides_what_is_kept(start: Start) -> None:
    api = await start(
        channels=[
            {"pattern": "log-keep*", "max_events": 100},
            {"pattern": "log-*", "max_events": 10},
            {"pattern": "b?te", "max_bytes": 50},
        ]
    )
    for name in ("log-keep-1", "log-1", "byte", "free"):
        batch = [{"data": "x" * 10} for _ in range(40)]
        assert (await api.post(f"/api/channels/{name}", json=batch)).status_code == 201
    kept = {name: len(await history(api, name)) for name in ("log-keep-1", "log-1", "byte", "free")}
    assert kept == {"log-keep-1": 40, "log-1": 10, "byte": 5, "free": 40}


# Deleting, and looking


async def test_delete_tells_viewers_and_begins_anew(api: httpx.AsyncClient) -> None:
    before = await publish(api, "news", "old", **{"Idempotency-Key": "k"})
    async with (
        Watch(api, "/api/channels/news") as alone,
        Watch(api, "/api/events?channel=news&channel=other") as both,
    ):
        await alone.until(1)
        await both.until(1)
        for _ in range(2):
            assert (await api.delete("/api/channels/news")).status_code == 204
        await alone.over()
        await both.until(2)
        after = await publish(api, "news", "new", **{"Idempotency-Key": "k"})
        await publish(api, "other", "goes on")
        await both.until(3)
        assert not both.is_over
    for watch in (alone, both):
        (reset,) = watch.resets()
        assert (reset["stream"], reset["reason"]) == ("news", "gone")
    assert [event.data for event in both.published()] == ["goes on"]
    assert read_cursor(before)[0].epoch != read_cursor(after)[0].epoch
    assert offset(after) == 1
    async with Watch(api, "/api/channels/news", cursor=before) as watch:
        await watch.until(2)
        assert watch.resets()[0]["reason"] == "unknown"


async def test_what_is_published_during_a_deletion_gets_a_true_cursor(
    api: httpx.AsyncClient,
) -> None:
    cursors = []

    async def write() -> None:
        for n in range(100):
            cursors.append(await publish(api, "news", str(n)))

    async def delete() -> None:
        for _ in range(20):
            await api.delete("/api/channels/news")

    await asyncio.gather(write(), write(), delete())
    assert len(set(cursors)) == 200
    last = (await api.get("/api/channels/news/info")).json()
    if last["head"]:
        assert last["cursor"] in cursors


async def test_head_and_info_say_what_a_channel_holds(api: httpx.AsyncClient) -> None:
    assert (await api.head("/api/channels/news")).status_code == 404
    cursor = await publish(api, "news", "1")
    head = await api.head("/api/channels/news")
    assert (head.status_code, head.headers["tidewire-cursor"]) == (200, cursor)
    async with Watch(api, "/api/channels/news") as watch:
        await watch.until(1)
        info = (await api.get("/api/channels/news/info")).json()
    assert info == {"channel": "news", "cursor": cursor, "first": 1, "head": 1, "viewers": 1}
    await api.delete("/api/channels/news")
    assert (await api.head("/api/channels/news")).status_code == 410


async def test_channels_are_listed_by_name_a_page_at_a_time(api: httpx.AsyncClient) -> None:
    for name in ("b", "a", "c.2", "c.1", "d"):
        await publish(api, name, "1")
    await api.delete("/api/channels/d")
    page = (await api.get("/api/channels?limit=2")).json()
    assert [channel["channel"] for channel in page["channels"]] == ["a", "b"]
    rest = (await api.get("/api/channels", params={"after": page["next"]})).json()
    assert [channel["channel"] for channel in rest["channels"]] == ["c.1", "c.2"]
    assert rest["next"] is None
    some = (await api.get("/api/channels?prefix=c.")).json()
    assert [channel["channel"] for channel in some["channels"]] == ["c.1", "c.2"]
