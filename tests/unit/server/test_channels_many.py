"""Many channels on one connection: one cursor, which says by itself what it is of."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tests.unit.server.watching import Watch
from tidewire.wire.cursor import MAX_CURSOR_LENGTH, read_cursor
from tidewire.wire.parser import ServerSentEvent


async def publish(api: httpx.AsyncClient, channel: str, *data: str) -> str:
    batch = [{"data": each} for each in data]
    response = await api.post(f"/api/channels/{channel}", json=batch)
    assert response.status_code == 201, response.text
    cursor: str = response.json()["cursor"]
    return cursor


async def change(api: httpx.AsyncClient, connection: str, **wanted: Any) -> httpx.Response:
    return await api.patch(f"/api/events/{connection}", json=wanted)


def events_of(*channels: str, **query: str) -> str:
    pairs = [f"channel={channel}" for channel in channels]
    return "/api/events?" + "&".join([*pairs, *(f"{n}={v}" for n, v in query.items())])


def data(events: list[ServerSentEvent]) -> list[str]:
    return [event.data for event in events]


async def seen(api: httpx.AsyncClient, *channels: str) -> str:
    """The cursor of a viewer that has seen everything of these channels."""
    async with Watch(api, events_of(*channels)) as watch:
        (opened,) = await watch.until(1)
        return opened.id


# One connection


async def test_a_hundred_channels_in_one_connection(api: httpx.AsyncClient) -> None:
    names = [f"c{n}" for n in range(120)]
    async with Watch(api, events_of(*names)) as watch:
        opened = await watch.opened()
        assert [place["stream"] for place in opened["streams"]] == names
        assert not any(place["resumed"] for place in opened["streams"])
        for name in names:
            await publish(api, name, name)
        await watch.until(121)
        assert data(watch.published()) == names
        epochs = {
            name: read_cursor(p["cursor"])[0].epoch
            for name, p in zip(names, opened["streams"], strict=True)
        }
        for event in watch.published():
            moved, *others = read_cursor(event.id)
            assert (moved.epoch, moved.offset) == (epochs[event.data], 1)
            assert len(others) == 119
            assert len(event.id) <= MAX_CURSOR_LENGTH
        last = watch.events[-1].id
    for name in names:
        await publish(api, name, f"{name} again")
    async with Watch(api, events_of(*names), cursor=last) as watch:
        await watch.until(121)
        assert all(place["resumed"] for place in (await watch.opened())["streams"])
        assert sorted(data(watch.published())) == sorted(f"{name} again" for name in names)


async def test_names_that_come_twice_are_read_once(api: httpx.AsyncClient) -> None:
    async with Watch(api, events_of("a", "a")) as watch:
        await watch.until(1)
        await publish(api, "a", "1")
        await publish(api, "a", "2")
        await watch.until(3)
        assert data(watch.published()) == ["1", "2"]


@pytest.mark.parametrize("target", ["/api/events", events_of(*map(str, range(257)))])
async def test_none_and_too_many(api: httpx.AsyncClient, target: str) -> None:
    assert (await api.get(target)).status_code == 400


async def test_a_dialect_without_places_carries_one_channel_only(api: httpx.AsyncClient) -> None:
    assert (await api.get(events_of("a", "b", dialect="chunk"))).status_code == 400
    async with Watch(api, events_of("a", dialect="chunk")) as watch:
        connection = await watch.connection()
        response = await change(api, connection, add=["b"])
        assert response.status_code == 400
        assert "one stream only" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("since", "expected"), [("start", ["1", "2", "3"]), ("2", ["2", "3"]), ("now", [])]
)
async def test_where_a_new_viewer_begins(
    api: httpx.AsyncClient, since: str, expected: list[str]
) -> None:
    await publish(api, "a", "1", "2", "3")
    async with Watch(api, events_of("a", "b", **{"from": since})) as watch:
        await watch.until(1 + len(expected))
        await publish(api, "b", "end")
        await watch.until(2 + len(expected))
        assert data(watch.published()) == [*expected, "end"]


async def test_another_beginning_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get(events_of("a", **{"from": "yesterday"}))).status_code == 400


# Resuming, with the same channels or others


async def test_every_id_of_every_channel_resumes_to_the_rest(api: httpx.AsyncClient) -> None:
    async with Watch(api, events_of("a", "b", "c")) as watch:
        await watch.until(1)
        for n in range(12):
            await publish(api, "abc"[n % 3], str(n))
        await watch.until(13)
    everything = data(watch.published())
    for place, event in enumerate(watch.events):
        async with Watch(api, events_of("a", "b", "c"), cursor=event.id) as again:
            await again.until(13 - place)
            assert sorted(data(again.published())) == sorted(everything[place:])
            assert not again.resets()


async def test_a_channel_more_begins_now_and_one_less_is_left_out(api: httpx.AsyncClient) -> None:
    for name in "abc":
        await publish(api, name, f"{name} old")
    cursor = await seen(api, "a", "b")
    for name in "abc":
        await publish(api, name, f"{name} new")
    async with Watch(api, events_of("b", "c"), cursor=cursor) as watch:
        opened = await watch.opened()
        assert [place["resumed"] for place in opened["streams"]] == [True, False]
        await publish(api, "c", "c now")
        await watch.until(3)
        assert data(watch.published()) == ["b new", "c now"]
        assert not watch.resets()
    async with Watch(api, events_of("b", "c", **{"from": "start"}), cursor=cursor) as watch:
        await watch.until(5)
        assert sorted(data(watch.published())) == ["b new", "c new", "c now", "c old"]


async def test_a_cursor_of_other_channels_altogether_is_foreign(api: httpx.AsyncClient) -> None:
    for name in "abcd":
        await publish(api, name, "old")
    cursor = await seen(api, "a", "b")
    async with Watch(api, events_of("c", "d"), cursor=cursor) as watch:
        await watch.until(3)
        assert [(r["stream"], r["reason"]) for r in watch.resets()] == [
            ("c", "unknown"),
            ("d", "unknown"),
        ]
        await publish(api, "c", "new")
        await watch.until(4)
        assert data(watch.published()) == ["new"]


@pytest.mark.parametrize(
    "cursor", ["not a cursor", "a-1.a-2", "a-1..b-2", "x" * 5000, ".~", "a-01.~"]
)
async def test_a_malformed_cursor_is_told_for_each_channel(
    api: httpx.AsyncClient, cursor: str
) -> None:
    await publish(api, "a", "old")
    async with Watch(api, events_of("a", "b"), cursor=cursor) as watch:
        await watch.until(3)
        assert [reset["reason"] for reset in watch.resets()] == ["malformed"] * 2
        await publish(api, "a", "new")
        await watch.until(4)
        assert data(watch.published()) == ["new"]


async def test_minus_one_is_no_cursor(api: httpx.AsyncClient) -> None:
    await publish(api, "a", "1", "2")
    async with Watch(api, events_of("a", "b", **{"from": "1"}), cursor="-1") as watch:
        await watch.until(2)
        assert data(watch.published()) == ["2"]
        assert not watch.resets()


async def test_a_cursor_past_the_end_is_told(api: httpx.AsyncClient) -> None:
    await publish(api, "a", "1")
    (place,) = read_cursor(await seen(api, "a"))
    ahead = f"{place.epoch}-9.{await seen(api, 'b')}"
    async with Watch(api, events_of("a", "b"), cursor=ahead) as watch:
        await watch.until(2)
        (reset,) = watch.resets()
        assert (reset["stream"], reset["reason"], reset["cursor"]) == ("a", "ahead", str(place))
        await publish(api, "a", "2")
        await watch.until(3)


async def test_what_was_trimmed_is_told_with_its_number(start: Start) -> None:
    api = await start(channels=[{"pattern": "a", "max_events": 10}])
    await publish(api, "a", "0")
    cursor = await seen(api, "a", "b")
    for n in range(5):
        await publish(api, "a", *(str(1 + n * 10 + i) for i in range(10)))
    first = (await api.get("/api/channels/a/info")).json()["first"]
    async with Watch(api, events_of("a", "b"), cursor=cursor) as watch:
        await watch.until(2 + 51 - first + 1)
        (reset,) = watch.resets()
        assert (reset["stream"], reset["reason"], reset["lost"]) == ("a", "trimmed", first - 2)
        assert data(watch.published()) == [str(n) for n in range(first - 1, 51)]


async def test_a_channel_that_was_made_anew_is_told(api: httpx.AsyncClient) -> None:
    await publish(api, "a", "old")
    cursor = await seen(api, "a", "b")
    await api.delete("/api/channels/a")
    await publish(api, "a", "between")
    await publish(api, "b", "kept")
    async with Watch(api, events_of("a", "b"), cursor=cursor) as watch:
        await watch.until(3)
        (reset,) = watch.resets()
        assert (reset["stream"], reset["reason"]) == ("a", "unknown")
        assert data(watch.published()) == ["kept"]


async def test_no_id_says_that_a_reset_is_known_before_it_was_told(api: httpx.AsyncClient) -> None:
    """Cut anywhere before the last reset, a viewer comes back with what it had."""
    for name in "ab":
        await publish(api, name, "old")
    async with Watch(api, events_of("a", "b"), cursor="no cursor") as watch:
        await watch.until(3)
        assert [event.id for event in watch.events[:2]] == ["", ""]
        assert read_cursor(watch.events[2].id)
        cursor = watch.events[2].id
    async with Watch(api, events_of("a", "b"), cursor=cursor) as watch:
        await watch.until(1)
        assert not watch.resets()


# Changing the set


async def test_patch_adds_from_now_and_removes(api: httpx.AsyncClient) -> None:
    for name in "abc":
        await publish(api, name, f"{name} old")
    async with Watch(api, events_of("a", "b")) as watch:
        connection = await watch.connection()
        response = await change(api, connection, add=["c", "c", "a"], remove=["b", "none"])
        assert response.status_code == 200
        assert response.json()["cursor"].endswith(".~")
        for name in "abc":
            await publish(api, name, f"{name} new")
        events = await watch.until(4)
        assert events[1].event == "stream.open"
        assert json.loads(events[1].data)["streams"] == response.json()["streams"]
        assert data(watch.published()) == ["a new", "c new"]
        last = events[-1].id
    for name in "abc":
        await publish(api, name, f"{name} later")
    async with Watch(api, events_of("a", "b"), cursor=last) as watch:  # as an EventSource would
        opened = await watch.opened()
        assert [(p["stream"], p["resumed"]) for p in opened["streams"]] == [
            ("c", True),
            ("a", True),
        ]
        await watch.until(3)
        assert sorted(data(watch.published())) == ["a later", "c later"]
        assert watch.events[-1].id.endswith(".~")


async def test_the_only_channel_may_be_exchanged(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/channels/a") as watch, Watch(api, "/api/channels/a") as other:
        await other.until(1)
        connection = await watch.connection()
        await publish(api, "a", "1")
        assert (await change(api, connection, add=["b"], remove=["a"])).status_code == 200
        await publish(api, "a", "2")
        await publish(api, "b", "3")
        await watch.until(4)
        await other.until(3)
        assert data(watch.published()) == ["1", "3"]
        assert data(other.published()) == ["1", "2"]


async def test_a_channel_taken_for_another_is_kept_however_often_its_viewer_comes_back(
    api: httpx.AsyncClient,
) -> None:
    async with Watch(api, events_of("a")) as watch:
        await change(api, await watch.connection(), add=["b"], remove=["a"])
        cursor = (await watch.until(2))[-1].id
    for said in "12":
        async with Watch(api, events_of("a"), cursor=cursor) as watch:
            await watch.opened()
            await publish(api, "b", said)
            cursor = (await watch.until(2))[-1].id
            assert data(watch.published()) == [said]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"remove": ["a"]}, 400),
        ({"add": [".no"]}, 400),
        ({"add": [str(n) for n in range(256)]}, 400),
        ({"add": [str(n) for n in range(257)]}, 400),
        ({"add": "a"}, 400),
        ({"other": []}, 400),
        ({}, 200),
    ],
)
async def test_a_change_that_cannot_be_leaves_everything_as_it_is(
    api: httpx.AsyncClient, wanted: dict[str, Any], status: int
) -> None:
    async with Watch(api, events_of("a")) as watch:
        connection = await watch.connection()
        assert (await change(api, connection, **wanted)).status_code == status
        await publish(api, "a", "1")
        await watch.until(2 if status == 400 else 3)
        assert data(watch.published()) == ["1"]
        assert watch.events[-1].id.endswith(".~") == (status == 200)


async def test_one_that_was_not_opened_for_channels_cannot_be_changed(
    api: httpx.AsyncClient,
) -> None:
    """Its URL knows no others, so what were added would be lost at the reconnect."""
    async with Watch(api, "/api/demo/interval?ms=60000") as watch:
        await watch.until(1)
        (connected,) = (await api.get("/api/connections")).json()["connections"]
        assert (await change(api, connected["connection"], add=["a"])).status_code == 400


async def test_a_connection_that_is_not_there_cannot_be_changed(api: httpx.AsyncClient) -> None:
    assert (await change(api, "none", add=["made"])).status_code == 404
    assert (await api.get("/api/channels/made/info")).status_code == 404
    async with Watch(api, events_of("a")) as watch:
        connection = await watch.connection()
    assert (await change(api, connection, add=["b"])).status_code == 404


async def test_what_was_deleted_may_be_added_again(api: httpx.AsyncClient) -> None:
    async with Watch(api, events_of("a", "b")) as watch:
        connection = await watch.connection()
        await api.delete("/api/channels/a")
        await watch.until(2)
        await change(api, connection, add=["a"])
        await publish(api, "a", "new")
        await watch.until(4)
        assert data(watch.published()) == ["new"]
        assert len(read_cursor(watch.events[-1].id)) == 2


async def test_a_changed_set_of_which_some_was_deleted(api: httpx.AsyncClient) -> None:
    await publish(api, "c", "1")
    async with Watch(api, events_of("a", "b")) as watch:
        await change(api, await watch.connection(), add=["c"])
        await watch.until(2)
        cursor = watch.events[-1].id
        place = read_cursor((await api.get("/api/channels/c/info")).json()["cursor"])[0]
    await api.delete("/api/channels/c")
    await publish(api, "b", "kept")
    async with Watch(api, events_of("a", "b"), cursor=cursor) as watch:
        await watch.until(3)
        assert watch.resets() == [{"stream": "", "reason": "gone", "cursor": str(place)}]
        assert data(watch.published()) == ["kept"]
    for name in "ab":
        await api.delete(f"/api/channels/{name}")
    assert (await api.get(events_of("a"), headers={"Last-Event-ID": cursor})).status_code == 410


async def test_a_cursor_opens_only_channels(api: httpx.AsyncClient) -> None:
    """A run's place with the mark of a changed set is no way around its own door."""
    answer = await api.post("/api/chat", json={"message": "m"})
    cursor = answer.text.partition("id: ")[2].partition("\n")[0]
    assert len(read_cursor(cursor)) == 1
    response = await api.get(events_of("a"), headers={"Last-Event-ID": f"{cursor}.~"})
    assert response.status_code == 410


# Fairness


async def test_a_flood_in_one_channel_does_not_hold_up_another(api: httpx.AsyncClient) -> None:
    """In history, each has its turn of one batch; live, events come as they were stored."""
    for n in range(10):
        await publish(api, "flood", *(f"f{n * 500 + i}" for i in range(500)))
    await publish(api, "calm", *(f"c{n}" for n in range(5)))
    async with Watch(api, events_of("flood", "calm", **{"from": "start"})) as watch:
        await watch.until(5006)
        calm = [place for place, e in enumerate(watch.published()) if e.data.startswith("c")]
        assert calm == list(range(256, 261))

        async def flood() -> None:
            for n in range(10):
                await publish(api, "flood", *(f"F{n * 500 + i}" for i in range(500)))

        async def publish_calmly() -> None:
            for n in range(5):
                await publish(api, "calm", f"C{n}")

        await asyncio.gather(flood(), publish_calmly())
        await watch.until(5006 + 5005)
        live = data(watch.published())[5005:]
        assert [each for each in live if each[0] == "F"] == [f"F{n}" for n in range(5000)]
        places = [live.index(f"C{n}") for n in range(5)]
        # Each was stored beside at most two batches of the flood, and is delivered so.
        assert all(place <= (n + 2) * 1000 for n, place in enumerate(places)), places
