"""``/api/rooms``, asked without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.unit.server.test_channels_many import change
from tests.unit.server.watching import Watch
from tidewire.chat import attendance
from tidewire.chat.rooms import Everybody
from tidewire.server import app

ANN = {"user": "ann", "name": "Ann"}
BOB = {"user": "bob", "name": "Bob"}
LOBBY = "/api/rooms/lobby"
POLL = {"mode": "poll", "wait": "0"}


async def say(api: httpx.AsyncClient, text: str, who: dict[str, str] = ANN) -> dict[str, Any]:
    answer = await api.post(f"{LOBBY}/messages", params=who, json={"text": text})
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def read(api: httpx.AsyncClient, **query: str) -> tuple[list[tuple[str, Any]], str]:
    """Events of the room, and the cursor."""
    answer = (await api.get(LOBBY, params={**BOB, **POLL, **query})).json()
    return [(e["event"], json.loads(e["data"])) for e in answer["events"]], answer["cursor"]


async def test_what_is_said_is_heard(api: httpx.AsyncClient) -> None:
    _, cursor = await read(api)
    posted = await say(api, "hello")
    ((type, message),), after = await read(api, last_event_id=cursor)
    assert (type, message["text"], message["name"]) == ("room.message", "hello", "Ann")
    assert (message["id"], after) == (posted["id"], posted["cursor"])


async def test_a_repeated_request_says_it_once(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    answers = [
        await api.post(f"{LOBBY}/messages", params=ANN, json={"text": "hello"}, headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    page = (await api.get(f"{LOBBY}/messages", params=BOB)).json()
    assert len(page["messages"]) == 1


async def test_history_goes_back_page_by_page(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await say(api, str(number))
    newest = (await api.get(f"{LOBBY}/messages", params={**BOB, "limit": "3"})).json()
    assert [m["text"] for m in newest["messages"]] == ["2", "3", "4"]
    query = {**BOB, "limit": "3", "before": newest["before"]}
    oldest = (await api.get(f"{LOBBY}/messages", params=query)).json()
    assert [m["text"] for m in oldest["messages"]] == ["0", "1"]
    assert oldest["before"] is None


async def test_who_opens_a_room_sees_the_latest_fifty_events(api: httpx.AsyncClient) -> None:
    for number in range(60):
        await say(api, str(number), {"user": f"user{number}"})
    await api.put(f"{LOBBY}/presence", params=BOB)
    events, _ = await read(api)
    assert len(events) == 50
    assert events[-1][0] == "room.joined"


async def test_a_message_that_is_taken_back_leaves_a_gap(api: httpx.AsyncClient) -> None:
    posted = await say(api, "bad")
    for _ in range(2):
        answer = await api.delete(f"{LOBBY}/messages/{posted['id']}", params=BOB)
        assert answer.status_code == 204
    page = (await api.get(f"{LOBBY}/messages", params=BOB)).json()
    (message,) = page["messages"]
    assert message["deleted"] is True
    assert "text" not in message
    events, _ = await read(api)
    deleted = [data for type, data in events if type == "room.deleted"]
    assert [(d["id"], d["by"]) for d in deleted] == [(posted["id"], "bob")]
    assert (await api.delete(f"{LOBBY}/messages/none", params=BOB)).status_code == 404


async def test_who_polls_is_there_until_he_leaves(api: httpx.AsyncClient) -> None:
    await read(api)
    await api.put(f"{LOBBY}/presence", params=ANN)
    people = (await api.get(f"{LOBBY}/presence", params=ANN)).json()["people"]
    assert [(p["user"], p["name"]) for p in people] == [("bob", "Bob"), ("ann", "Ann")]
    assert all(set(p) == {"user", "name", "since"} for p in people)
    assert (await api.delete(f"{LOBBY}/presence", params=ANN)).status_code == 204
    events, _ = await read(api)
    assert [(type, data["user"]) for type, data in events] == [
        ("room.joined", "bob"), ("room.joined", "ann"), ("room.left", "ann")
    ]  # fmt: skip


async def test_a_poll_may_take_longer_than_its_lease(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "LEASE_SECONDS", 1.0)
    polling = asyncio.create_task(read(api, wait="50", **{"from": "now"}))
    await asyncio.sleep(1.1)
    people = (await api.get(f"{LOBBY}/presence", params=ANN)).json()["people"]
    assert [person["user"] for person in people] == ["bob"]
    await say(api, "hello")
    events, _ = await polling
    assert [type for type, _ in events] == ["room.message"]


async def test_who_reads_the_room_no_more_is_not_there(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.0)

    async def people() -> list[str]:
        here = (await api.get(f"{LOBBY}/presence", params=BOB)).json()["people"]
        return [person["user"] for person in here]

    async with Watch(api, f"{LOBBY}?user=ann") as watch:
        connection = await watch.connection()
        assert await people() == ["ann"]
        await change(api, connection, add=["news"], remove=["room:lobby"])
        assert await people() == []
        await change(api, connection, add=["room:lobby"])
        assert await people() == ["ann"]
    assert await people() == []


async def test_rooms_are_listed(api: httpx.AsyncClient) -> None:
    for room in ("b", "a", "中", "c"):
        await api.post(f"/api/rooms/{room}/messages", params=ANN, json={"text": "x"})
    await api.post("/api/channels/news", content="x")
    first = (await api.get("/api/rooms", params={**BOB, "limit": "3"})).json()
    assert [room["room"] for room in first["rooms"]] == ["a", "b", "c"]
    query = {**BOB, "limit": "3", "after": first["after"]}
    assert (await api.get("/api/rooms", params=query)).json() == {
        "rooms": [{"room": "中", "viewers": 0}],
        "after": None,
    }


async def test_typing_is_not_stored(api: httpx.AsyncClient) -> None:
    await say(api, "hello")
    assert (await api.post(f"{LOBBY}/typing", params=ANN)).status_code == 204
    events, _ = await read(api, **{"from": "start"})
    assert "room.typing" not in dict(events)


async def test_who_types_without_end_is_slowed_down(api: httpx.AsyncClient) -> None:
    answers = [await api.post(f"{LOBBY}/typing", params=ANN) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [204] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


NO_MESSAGES = (
    {},
    {"text": ""},
    {"text": " \n"},
    {"text": "x" * 8001},
    {"text": 1},
    {"text": "x", "client_id": ""},
    {"text": "x", "client_id": "x" * 65},
    {"text": "x", "html": "<b>"},
)


async def test_messages_that_are_none(api: httpx.AsyncClient) -> None:
    for body in NO_MESSAGES:
        answer = await api.post(f"{LOBBY}/messages", params=ANN, json=body)
        assert answer.status_code == 400, body
        assert answer.json()["error"]["code"] == "bad_request"


async def test_the_longest_message(api: httpx.AsyncClient) -> None:
    await say(api, "天" * 8000)


async def test_half_a_character_is_refused(api: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"text": "\\ud83d"}'
    answer = await api.post(f"{LOBBY}/messages", params=ANN, content=body, headers=headers)
    assert answer.status_code == 400


async def test_rooms_that_cannot_be(api: httpx.AsyncClient) -> None:
    for room in ("-x", "a b", "a:b", "x" * 101):
        for method, path, body in (
            ("GET", "messages", None),
            ("POST", "messages", {"text": "x"}),
            ("POST", "typing", None),
            ("GET", "presence", None),
            ("PUT", "presence", None),
            ("DELETE", "presence", None),
            ("DELETE", "messages/1", None),
            ("GET", "", None),
        ):
            url = f"/api/rooms/{room}/{path}".rstrip("/")
            answer = await api.request(method, url, params=ANN, json=body)
            assert answer.status_code == 400, (method, url)


async def test_pages_that_cannot_be(api: httpx.AsyncClient) -> None:
    await say(api, "hello")
    for query in ({"limit": "0"}, {"limit": "201"}, {"before": "?"}):
        answer = await api.get(f"{LOBBY}/messages", params={**BOB, **query})
        assert answer.status_code == 400, query


class OnlyAnn(Everybody):
    """bob may do nothing in the lobby."""

    async def _may(self, user: str, room: str) -> bool:
        return user == "ann" or room != "lobby"

    may_read = may_post = may_moderate = _may


async def test_the_policy_decides(monkeypatch: pytest.MonkeyPatch, start: Any) -> None:
    monkeypatch.setattr(app, "Everybody", OnlyAnn)
    api = await start()
    posted = await say(api, "hello")
    for method, path, body in (
        ("GET", LOBBY, None),
        ("GET", f"{LOBBY}/messages", None),
        ("POST", f"{LOBBY}/messages", {"text": "x"}),
        ("DELETE", f"{LOBBY}/messages/{posted['id']}", None),
        ("POST", f"{LOBBY}/typing", None),
        ("GET", f"{LOBBY}/presence", None),
        ("PUT", f"{LOBBY}/presence", None),
        ("GET", "/api/channels/room:lobby", None),
        ("GET", "/api/events?channel=room:lobby", None),
    ):
        url = httpx.URL(path).copy_merge_params(BOB)
        answer = await api.request(method, url, json=body)
        assert answer.status_code == 403, path
    assert (await api.get("/api/rooms", params=BOB)).json()["rooms"] == []
    assert len((await api.get("/api/rooms", params=ANN)).json()["rooms"]) == 1


class NoModerators(Everybody):
    async def may_moderate(self, user: str, room: str) -> bool:
        return False


async def test_without_moderators_everybody_takes_back_only_his_own(
    monkeypatch: pytest.MonkeyPatch, start: Any
) -> None:
    monkeypatch.setattr(app, "Everybody", NoModerators)
    api = await start()
    message = f"{LOBBY}/messages/{(await say(api, 'hello'))['id']}"
    assert (await api.delete(message, params=BOB)).status_code == 403
    assert (await api.delete(message, params=ANN)).status_code == 204


async def test_many_who_come_at_once_keep_nobody_from_reading_or_writing(start: Any) -> None:
    api = await start(channels=[{"pattern": "room:*", "max_publishes_per_second": 2}])
    for number in range(5):
        here = await api.put(f"{LOBBY}/presence", params={"user": f"user{number}"})
        assert here.status_code == 204
    people = (await api.get(f"{LOBBY}/presence", params=BOB)).json()["people"]
    assert len(people) == 5
    await say(api, "hello")


async def test_a_full_room_can_be_read_but_not_entered(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "MAX_PEOPLE", 1)
    await api.put(f"{LOBBY}/presence", params=ANN)
    late = await api.put(f"{LOBBY}/presence", params=BOB)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
    events, _ = await read(api)
    assert [data["user"] for _, data in events] == ["ann"]
