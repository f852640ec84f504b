"""Who calls, as long as a caller is believed."""

from __future__ import annotations

import httpx

from tests.unit.server.conftest import Start

PRESENCE = "/api/rooms/lobby/presence"


async def who_is_there(api: httpx.AsyncClient) -> list[tuple[str, str]]:
    answer = await api.get(PRESENCE, params={"user": "watcher"})
    return [(person["user"], person["name"]) for person in answer.json()["people"]]


async def test_the_header_goes_before_the_query(api: httpx.AsyncClient) -> None:
    headers = {"Tidewire-User": "ann@example.com"}
    answer = await api.put(PRESENCE, params={"user": "bob"}, headers=headers)
    assert answer.status_code == 204
    assert await who_is_there(api) == [("ann@example.com", "ann@example.com")]


async def test_a_name_is_shown_as_it_was_given(api: httpx.AsyncClient) -> None:
    await api.put(PRESENCE, params={"user": "wang", "name": " 王 小明 "})
    assert await who_is_there(api) == [("wang", "王 小明")]


async def test_an_unknown_caller_is_given_a_cookie_and_known_from_then_on(
    api: httpx.AsyncClient,
) -> None:
    first = await api.put(PRESENCE)
    cookie = first.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Path=/", "SameSite=Lax", "Max-Age="))
    assert "set-cookie" not in (await api.put(PRESENCE)).headers
    ((user, name),) = await who_is_there(api)
    assert user == name == api.cookies["tidewire_user"]
    assert user.startswith("anon-")


async def test_a_poll_brings_the_cookie_too(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/rooms/lobby", params={"mode": "poll", "wait": "0"})
    assert "tidewire_user=anon-" in answer.headers["set-cookie"]


async def test_unknown_callers_are_not_the_same_person(start: Start) -> None:
    api = await start()
    await api.put(PRESENCE)
    api.cookies.clear()
    await api.put(PRESENCE)
    assert len(await who_is_there(api)) == 2


async def test_a_cookie_that_cannot_be_a_user_is_replaced(api: httpx.AsyncClient) -> None:
    answer = await api.put(PRESENCE, headers={"Cookie": "tidewire_user=a b/c"})
    assert answer.status_code == 204
    assert "tidewire_user=anon-" in answer.headers["set-cookie"]


async def test_who_cannot_be_somebody_is_refused(api: httpx.AsyncClient) -> None:
    users = ["", "a b", "a/b", "ä", "x" * 65]
    names = ["x" * 65, "a\nb", "\u202e", "  "]
    queries = [{"user": user} for user in users] + [{"user": "ann", "name": n} for n in names]
    for query in queries:
        answer = await api.put(PRESENCE, params=query)
        assert answer.status_code == 400, query
        assert answer.json()["error"]["code"] == "bad_request"
