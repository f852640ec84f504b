"""Long polling: the same cursors and words as a stream, in one JSON document."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tests.unit.server.test_channels_many import change, publish
from tests.unit.server.watching import Watch
from tidewire.log.base import Batch
from tidewire.log.memory import MemoryLog
from tidewire.server.poll import MAX_EVENTS, PollSink, _cut
from tidewire.server.tide import Tidewire
from tidewire.wire.cursor import CHANGED, read_cursor
from tidewire.wire.parser import MAX_EVENT_BYTES, ServerSentEvent


async def poll(api: httpx.AsyncClient, target: str, **query: str) -> dict[str, Any]:
    path, _, rest = target.partition("?")
    pairs = [tuple(pair.split("=")) for pair in rest.split("&") if pair]
    response = await api.get(path, params=[*pairs, ("mode", "poll"), *query.items()])  # type: ignore[list-item]
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


def data(answer: dict[str, Any]) -> list[str]:
    return [event["data"] for event in answer["events"]]


def offsets(answer: dict[str, Any]) -> dict[str, int]:
    """Where it says that its reader stands."""
    places = {p["stream"]: read_cursor(p["cursor"])[0] for p in answer["streams"]}
    assert set(read_cursor(answer["cursor"])) == set(places.values())
    return {name: position.offset for name, position in places.items()}


async def has_viewer(api: httpx.AsyncClient, channel: str, count: int = 1) -> None:
    async with asyncio.timeout(10):
        while True:
            info = await api.get(f"/api/channels/{channel}/info")
            if info.status_code == 200 and info.json()["viewers"] == count:
                return
            await asyncio.sleep(0.001)


async def test_what_is_stored_is_given_at_once_and_the_cursor_goes_on(
    api: httpx.AsyncClient,
) -> None:
    await publish(api, "a", "1", "2")
    answer = await poll(api, "/api/channels/a?from=start")
    assert [(e["event"], e["data"]) for e in answer["events"]] == [
        ("message", "1"),
        ("message", "2"),
    ]
    assert answer["cursor"] == answer["events"][-1]["id"]
    assert answer["closed"] is False
    await publish(api, "a", "3")
    assert data(await poll(api, "/api/channels/a", last_event_id=answer["cursor"])) == ["3"]
    assert data(await poll(api, "/api/channels/a", last_event_id=answer["events"][0]["id"])) == [
        "2",
        "3",
    ]


async def test_it_waits_for_the_first_event_and_no_longer(api: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(poll(api, "/api/events?channel=a&channel=b"))
    await has_viewer(api, "b")
    assert not waiting.done()
    await publish(api, "b", "1", "2")
    async with asyncio.timeout(10):
        answer = await waiting
    assert data(answer) == ["1", "2"]
    assert [place["stream"] for place in answer["streams"]] == ["a", "b"]
    assert offsets(answer) == {"a": 0, "b": 2}


async def test_after_its_time_it_is_empty_and_loses_nothing(api: httpx.AsyncClient) -> None:
    begun = time.monotonic()
    answer = await poll(api, "/api/channels/a", wait="0.2")
    assert 0.2 <= time.monotonic() - begun < 20
    assert answer["events"] == []
    await publish(api, "a", "between")
    again = await poll(api, "/api/channels/a", last_event_id=answer["cursor"])
    assert data(again) == ["between"]
    assert again["streams"][0]["resumed"] is True


@pytest.mark.parametrize("wait", ["-1", "56", "soon", "nan", "inf"])
async def test_how_long_it_may_wait(api: httpx.AsyncClient, wait: str) -> None:
    response = await api.get(f"/api/channels/a?mode=poll&wait={wait}")
    assert response.status_code == 400
    assert "0 to 55" in response.json()["error"]["message"]


async def test_another_mode_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/channels/a?mode=push")).status_code == 400


async def test_a_long_history_comes_in_several_answers(api: httpx.AsyncClient) -> None:
    everything = {name: [f"{name}{n}" for n in range(600)] for name in "ab"}
    for name, texts in everything.items():
        await publish(api, name, *texts)
    target, got, sizes = "/api/events?channel=a&channel=b", [], []
    answer = await poll(api, target, **{"from": "start"})
    while answer["events"]:
        sizes.append(len(answer["events"]))
        got += data(answer)
        seen = {name: sum(text.startswith(name) for text in got) for name in "ab"}
        assert offsets(answer) == seen
        answer = await poll(api, target, last_event_id=answer["cursor"], wait="0")
    assert sizes == [256, 256, 256, 256, 176]
    assert {name: [text for text in got if text.startswith(name)] for name in "ab"} == everything


async def test_more_at_once_than_one_answer_takes(api: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(poll(api, "/api/channels/a"))
    await has_viewer(api, "a")
    await publish(api, "a", *map(str, range(300)))
    async with asyncio.timeout(10):
        answer = await waiting
    assert data(answer) == [str(n) for n in range(256)]
    assert offsets(answer) == {"a": 256}


async def test_it_does_not_read_what_it_will_not_give(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(api, "a", *map(str, range(1000)))
    reads, read = 0, MemoryLog.read

    async def count(*args: Any, **options: Any) -> Batch:
        nonlocal reads
        reads += 1
        return await read(*args, **options)

    monkeypatch.setattr(MemoryLog, "read", count)
    answer = await poll(api, "/api/channels/a?from=start")
    assert (len(answer["events"]), reads) == (MAX_EVENTS, 1)


@pytest.mark.parametrize("is_changed", [False, True])
async def test_channels_that_flood_do_not_starve_another(
    api: httpx.AsyncClient, is_changed: bool
) -> None:
    target = "/api/events?channel=a&channel=b&channel=c"
    cursor = (await poll(api, target, wait="0"))["cursor"] + CHANGED * is_changed
    for name in ("a", "b"):
        await publish(api, name, *[name] * (3 * MAX_EVENTS))
    await publish(api, "c", "c")
    heard = set()
    for _ in range(3):
        answer = await poll(api, target, last_event_id=cursor)
        cursor = answer["cursor"]
        heard.update(data(answer))
    assert heard == {"a", "b", "c"}


async def test_what_one_stored_event_became_is_not_cut(api: httpx.AsyncClient) -> None:
    """Only its last frame brings an id: cut before that, they would come again."""
    threes = [ServerSentEvent("message", str(n), f"e-{(n + 1) // 3}") for n in range(300)]
    assert _cut(threes) == 255
    one = [ServerSentEvent("message", str(n), "e-1") for n in range(299)]
    assert (_cut(one), _cut(one[:2])) == (299, 2)
    last = ServerSentEvent("message", "its last", "e-2")
    assert _cut([*one, last]) == _cut([*one, last, *one]) == 300
    assert _cut([last, *one]) == 2


def test_an_event_may_be_larger_than_a_stream_of_others_may_have_it() -> None:
    """Of what is our own there is a limit where it is stored."""
    sink, size = PollSink(), MAX_EVENT_BYTES + 1
    sink.write(b"data: %b\n\n" % (b"x" * size))
    (event,) = sink.events
    assert len(event.data) == size


async def test_resets_are_events(api: httpx.AsyncClient) -> None:
    await publish(api, "a", "old")
    answer = await poll(api, "/api/events?channel=a", last_event_id="other-1")
    (reset,) = answer["events"]
    assert (reset["event"], json.loads(reset["data"])["reason"]) == ("stream.reset", "unknown")
    await publish(api, "a", "new")
    assert data(await poll(api, "/api/events?channel=a", last_event_id=answer["cursor"])) == ["new"]


async def test_a_channel_that_is_deleted_ends_the_wait(api: httpx.AsyncClient) -> None:
    await publish(api, "a", "old")
    waiting = asyncio.create_task(poll(api, "/api/channels/a"))
    await has_viewer(api, "a")
    await api.delete("/api/channels/a")
    async with asyncio.timeout(10):
        answer = await waiting
    (reset,) = answer["events"]
    assert json.loads(reset["data"])["reason"] == "gone"
    assert answer["closed"] is True


async def test_a_run_is_polled_to_its_end(api: httpx.AsyncClient) -> None:
    started = await api.post("/api/chat", json={"message": "m"})
    target = started.headers["location"]
    answer = await poll(api, target)
    types = [event["event"] for event in answer["events"]]
    while not answer["closed"]:
        answer = await poll(api, target, last_event_id=answer["cursor"])
        types += [event["event"] for event in answer["events"]]
    assert types[0] == "run.started" and types[-1] == "run.finished"
    last = await api.get(target, params={"mode": "poll", "last_event_id": answer["cursor"]})
    assert last.status_code == 204


async def test_a_run_is_not_closed_before_all_was_given(api: httpx.AsyncClient) -> None:
    started = await api.post("/api/chat", json={"message": "m " * 300})
    target = started.headers["location"] + "?dialect=typewriter"
    answer = await poll(api, target)
    assert answer["closed"] is False
    chars = list(map(json.loads, data(answer)))
    while not answer["closed"]:
        answer = await poll(api, target, last_event_id=answer["cursor"])
        assert len(answer["events"]) <= MAX_EVENTS
        chars += map(json.loads, data(answer))
    assert [each["type"] for each in chars] == ["start", *["chunk"] * (len(chars) - 2), "end"]
    assert [each["index"] for each in chars[1:-1]] == list(range(chars[-1]["total"]))


async def test_a_changed_set_is_polled_on(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/events?channel=a") as watch:
        await change(api, await watch.connection(), add=["b"], remove=["a"])
        cursor = (await watch.until(2))[-1].id
    await publish(api, "a", "not for me")
    await publish(api, "b", "for me")
    answer = await poll(api, "/api/events?channel=a", last_event_id=cursor)
    assert data(answer) == ["for me"]
    assert answer["cursor"].endswith(".~")


async def test_one_who_leaves_is_freed(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/channels/a?mode=poll&wait=50"):
        await has_viewer(api, "a")
    await has_viewer(api, "a", 0)
    assert (await api.get("/api/connections")).json()["connections"] == []


async def test_a_server_that_drains_does_not_wait_for_pollers(start: Start) -> None:
    api = await start()
    app = api._transport.app  # type: ignore[attr-defined]
    tide: Tidewire = app.state.tide
    waiting = asyncio.create_task(poll(api, "/api/channels/a", wait="50"))
    await has_viewer(api, "a")
    async with asyncio.timeout(10):
        await tide.begin_drain()
        answer = await waiting
    assert answer["events"] == [] and answer["closed"] is False
    refused = await api.get("/api/channels/a", params={"mode": "poll"})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0


async def test_who_polls_his_question_is_told_its_run_and_has_not_left(start: Start) -> None:
    api = await start(
        models={"demo": {"api": "demo", "first_token_seconds": 0, "tokens_per_second": 1}}
    )
    question = {"message": "hello", "on_disconnect": "cancel"}
    asked = await api.post("/api/chat?mode=poll", json=question)
    run = asked.headers["x-run-id"]
    assert asked.headers["location"] == f"/api/streams/{run}"
    assert asked.headers["x-session-id"]
    await asyncio.sleep(0.05)
    assert not (await api.get(f"/api/runs/{run}")).json()["closed"]
