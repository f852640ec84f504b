"""``/api/notifications``, asked without a socket."""

from __future__ import annotations

import json
from typing import Any

import httpx

ANN = {"user": "ann"}
BOB = {"user": "bob"}
POLL = {"mode": "poll", "wait": "0"}


async def tell(api: httpx.AsyncClient, title: str, user: str = "ann") -> str:
    answer = await api.post(f"/api/users/{user}/notifications", params=BOB, json={"title": title})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def tell_all(api: httpx.AsyncClient, title: str) -> str:
    answer = await api.post("/api/notifications/broadcast", params=BOB, json={"title": title})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def listed(api: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await api.get("/api/notifications/list", params={**ANN, **query})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def read(api: httpx.AsyncClient, **query: str) -> tuple[list[tuple[str, Any]], str]:
    """Events, and the cursor."""
    answer = (await api.get("/api/notifications", params={**ANN, **POLL, **query})).json()
    return [(e["event"], json.loads(e["data"])) for e in answer["events"]], answer["cursor"]


async def test_own_and_everybodys_come_on_one_connection(api: httpx.AsyncClient) -> None:
    _, cursor = await read(api)
    ids = {await tell(api, "a"), await tell_all(api, "b")}
    await tell(api, "not mine", user="cem")
    events, cursor = await read(api, last_event_id=cursor)
    assert {data["id"] for type, data in events if type == "notification"} == ids
    assert await read(api, last_event_id=cursor) == ([], cursor)


async def test_who_was_away_gets_what_is_unread(api: httpx.AsyncClient) -> None:
    old = await tell(api, "old")
    await api.post("/api/notifications/read", params=ANN, json={"ids": [old]})
    await tell(api, "new")
    await tell_all(api, "for all")
    events, _ = await read(api)
    assert [data["title"] for type, data in events if type == "notification"] == ["new", "for all"]
    everything, _ = await read(api, **{"from": "start"})
    assert len(everything) > len(events)
    assert (await read(api, **{"from": "now"}))[0] == []


async def test_the_list_and_the_stream_meet(api: httpx.AsyncClient) -> None:
    await tell(api, "a")
    page = await listed(api)
    await tell(api, "b")
    events, _ = await read(api, last_event_id=page["cursor"])
    assert [data["title"] for _, data in events] == ["b"]


async def test_reading_in_one_tab_is_heard_in_the_others(api: httpx.AsyncClient) -> None:
    a, _ = await tell(api, "a"), await tell(api, "b")
    _, cursor = await read(api)
    answer = await api.post("/api/notifications/read", params=ANN, json={"ids": [a]})
    assert answer.json() == {"unread": 1}
    ((type, data),), _ = await read(api, last_event_id=cursor)
    assert (type, data["ids"], data["unread"]) == ("notification.read", [a], 1)
    assert (await api.post("/api/notifications/read", params=ANN, json={"all": True})).json() == {
        "unread": 0
    }
    page = await listed(api)
    assert [n["read"] for n in page["notifications"]] == [True, True]
    assert page["unread"] == 0


async def test_the_list_is_as_long_as_was_asked_for(api: httpx.AsyncClient) -> None:
    ids = [await tell(api, str(number)) for number in range(4)]
    await api.post("/api/notifications/read", params=ANN, json={"ids": ids[2:]})
    page = await listed(api, limit="3")
    assert [n["title"] for n in page["notifications"]] == ["3", "2", "1"]
    assert page["unread"] == 2
    page = await listed(api, unread="1", limit="1")
    assert [n["title"] for n in page["notifications"]] == ["1"]
    assert page["unread"] == 2


async def test_a_repeated_request_tells_once(api: httpx.AsyncClient) -> None:
    await listed(api)
    for path in ("/api/users/ann/notifications", "/api/notifications/broadcast"):
        options: Any = {"json": {"title": "x"}, "headers": {"Idempotency-Key": "k"}}
        answers = [await api.post(path, params=BOB, **options) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
    assert (await listed(api))["unread"] == 2


async def test_the_cursor_of_somebody_else_opens_nothing(api: httpx.AsyncClient) -> None:
    await tell(api, "secret", user="cem")
    theirs = (await api.get("/api/notifications/list?user=cem")).json()["cursor"]
    events, _ = await read(api, last_event_id=theirs)
    assert [(type, data["reason"]) for type, data in events] == [("stream.reset", "unknown")]


NO_NOTIFICATIONS = (
    {},
    {"title": ""},
    {"title": "  "},
    {"title": "x" * 201},
    {"title": "x", "body": "x" * 4001},
    {"title": "x", "link": "javascript:alert(1)"},
    {"title": "x", "link": "//evil.example"},
    {"title": "x", "link": "/\\evil.example"},
    {"title": "x", "link": "https://a b"},
    {"title": "x", "link": "https://example.com/" + "x" * 2000},
    {"title": "x", "to": "all"},
)


async def test_notifications_that_are_none(api: httpx.AsyncClient) -> None:
    for path in ("/api/users/ann/notifications", "/api/notifications/broadcast"):
        for body in NO_NOTIFICATIONS:
            answer = await api.post(path, params=BOB, json=body)
            assert answer.status_code == 400, body
            assert answer.json()["error"]["code"] == "bad_request"


async def test_a_refusal_says_what_would_do(api: httpx.AsyncClient) -> None:
    for path, body, words in (
        ("/api/users/ann/notifications", {"title": "x", "link": "x"}, "a link begins with http"),
        ("/api/notifications/read", {}, "give either ids, or all: true"),
    ):
        told = (await api.post(path, params=BOB, json=body)).json()["error"]["message"]
        assert words in told
        assert "Value error" not in told


async def test_links_that_lead_somewhere(api: httpx.AsyncClient) -> None:
    for link in ("/", "/a?b=c#d", "https://example.com/", "http://localhost:1"):
        body = {"title": "x", "link": link}
        answer = await api.post("/api/users/ann/notifications", params=BOB, json=body)
        assert answer.status_code == 201, link
        assert (await listed(api))["notifications"][0]["link"] == link


async def test_too_much_data_is_refused(api: httpx.AsyncClient) -> None:
    body = {"title": "x", "data": "x" * 16_384}
    answer = await api.post("/api/users/ann/notifications", params=BOB, json=body)
    assert answer.status_code == 413


async def test_people_that_cannot_be(api: httpx.AsyncClient) -> None:
    for user in ("a b", "x" * 65, "ä"):
        path = f"/api/users/{user}/notifications"
        assert (await api.post(path, params=BOB, json={"title": "x"})).status_code == 400, user


async def test_marks_that_are_none(api: httpx.AsyncClient) -> None:
    for body in ({}, {"ids": []}, {"ids": ["a"], "all": True}, {"ids": ["x" * 65]}, {"ids": "a"}):
        answer = await api.post("/api/notifications/read", params=ANN, json=body)
        assert answer.status_code == 400, body


async def test_who_is_told_too_much_is_protected(api: httpx.AsyncClient) -> None:
    answers = [
        await api.post("/api/users/ann/notifications", params=BOB, json={"title": "x"})
        for _ in range(25)
    ]
    assert answers[-1].status_code == 429
    assert "retry-after" in answers[-1].headers
    await tell(api, "x", user="cem")


async def test_who_is_told_too_much_can_say_that_it_was_read(api: httpx.AsyncClient) -> None:
    for _ in range(25):
        await api.post("/api/users/ann/notifications", params=BOB, json={"title": "x"})
    answer = await api.post("/api/notifications/read", params=ANN, json={"all": True})
    assert answer.json() == {"unread": 0}
