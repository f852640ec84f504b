"""Channels that have calls of their own: the general calls leave them alone."""

from __future__ import annotations

import httpx
import pytest

RESERVED = ["room:lobby", "user:ann", "everyone", "monitor:8400", "demo-interval-1"]
POLL = {"mode": "poll", "wait": "0", "from": "start"}


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["error"]["code"] == "forbidden"


@pytest.fixture
async def told(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """A server on which ann was told a secret."""
    await api.post("/api/users/ann/notifications?user=bob", json={"title": "secret"})
    return api


async def test_nobody_publishes_to_them_or_deletes_them(api: httpx.AsyncClient) -> None:
    for name in RESERVED:
        for user in ("ann", "bob"):
            who = {"user": user}
            assert refused(await api.post(f"/api/channels/{name}", params=who, content="x")), name
            assert refused(await api.delete(f"/api/channels/{name}", params=who)), name


async def test_names_that_only_look_like_them_are_free(api: httpx.AsyncClient) -> None:
    for name in ("rooms", "users:ann", "everyone.else", "monitor2", "demo-interval"):
        assert (await api.post(f"/api/channels/{name}", content="x")).status_code == 201


async def test_what_somebody_is_told_only_he_reads(told: httpx.AsyncClient) -> None:
    for path in (
        "/api/channels/user:ann",
        "/api/channels/user:ann/info",
        "/api/events?channel=news&channel=user:ann",
    ):
        for user in ("bob", "an", "ann2", ""):
            who = {"user": user} if user else {}
            answer = await told.get(httpx.URL(path).copy_merge_params({**POLL, **who}))
            assert refused(answer), (path, user)
            assert "secret" not in answer.text
        mine = await told.get(httpx.URL(path).copy_merge_params({**POLL, "user": "ann"}))
        assert mine.status_code == 200


async def test_a_refused_read_makes_no_channel(api: httpx.AsyncClient) -> None:
    for path in ("/api/channels/user:zed", "/api/events?channel=user:zed"):
        assert refused(await api.get(httpx.URL(path).copy_merge_params({**POLL, "user": "bob"})))
    assert (await api.get("/api/channels?user=zed")).json()["channels"] == []


async def test_not_even_by_a_cursor_that_says_what_to_read(told: httpx.AsyncClient) -> None:
    epoch = (await told.get("/api/channels/user:ann/info?user=ann")).json()["cursor"][:6]
    query = {**POLL, "channel": "news", "last_event_id": f"{epoch}-0.~"}
    for path in ("/api/events", "/api/channels/news", "/api/rooms/lobby", "/api/notifications"):
        assert refused(await told.get(path, params={**query, "user": "bob"})), path
    mine = await told.get("/api/events", params={**query, "user": "ann"})
    assert "secret" in mine.text


async def test_nor_by_the_name_of_the_stream(told: httpx.AsyncClient) -> None:
    for path in ("channel/user:ann", "channel%2Fuser:ann"):
        assert (await told.get(f"/api/streams/{path}", params=POLL)).status_code == 404


async def test_they_are_not_in_the_list_of_others(told: httpx.AsyncClient) -> None:
    async def listed(user: str) -> list[str]:
        answer = await told.get("/api/channels", params={"user": user, "prefix": "user:"})
        return [channel["channel"] for channel in answer.json()["channels"]]

    assert await listed("ann") == ["user:ann"]
    assert await listed("bob") == []


async def test_rooms_are_read_like_any_channel(api: httpx.AsyncClient) -> None:
    await api.post("/api/rooms/lobby/messages?user=ann", json={"text": "hello"})
    answer = await api.get("/api/channels/room:lobby", params=POLL)
    assert "hello" in answer.text
