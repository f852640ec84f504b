"""``/api/chat`` and ``/api/streams``: heads, joins, sessions, ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import AT_ONCE, AWAY, Start
from tidewire.answers.events import RunStarted, RunStopped, encode
from tidewire.server.answers import Leaving
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser, ServerSentEvent

QUESTION = {"message": "Tell me something long with a table"}


def events(response: httpx.Response) -> list[ServerSentEvent]:
    assert response.status_code == 200, response.text
    return Parser().feed(response.content)


def text(response: httpx.Response) -> str:
    deltas = (json.loads(event.data) for event in events(response) if event.event == "text.delta")
    return "".join(delta["delta"] for delta in deltas)


async def test_an_answer_says_in_its_head_where_it_can_be_found_again(
    api: httpx.AsyncClient,
) -> None:
    for answer in (
        await api.post("/api/chat", json=QUESTION),
        await api.get("/api/chat", params=QUESTION),
    ):
        run = answer.headers["x-run-id"]
        assert run.startswith("run_")
        assert answer.headers["x-workflow-run-id"] == run
        assert answer.headers["location"] == f"/api/streams/{run}"
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in answer.headers
        first = json.loads(events(answer)[0].data)
        assert first["run"] == run
        assert first["session"] == answer.headers["x-session-id"]
        again = await api.get(answer.headers["location"])
        assert text(again) == text(answer) != ""


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_an_answer_is_found_again_in_an_app_that_is_mounted_in_another(
    start: Start, path: str
) -> None:
    api = await start(root="/within")
    question = {**QUESTION, "messages": [{"role": "user", "content": "hello"}]}
    answer = await api.post(f"/within{path}", json=question)
    assert answer.headers["location"] == f"/within/api/streams/{answer.headers['x-run-id']}"
    assert events(await api.get(answer.headers["location"]))[-1].event == "run.finished"


async def test_the_same_key_joins_the_same_run(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "ask 1"}
    once = await api.post("/api/chat", json=QUESTION, headers=key)
    again = await api.post("/api/chat", json=QUESTION, headers=key)
    by_get = await api.get("/api/chat", params={**QUESTION, "idempotency_key": "ask 1"})
    other = await api.post("/api/chat", json=QUESTION, headers={"Idempotency-Key": "ask 2"})
    assert events(once) == events(again)
    assert text(once) == text(by_get)
    assert once.headers["x-run-id"] == by_get.headers["x-run-id"] != other.headers["x-run-id"]


async def test_who_joins_at_the_same_moment_is_told_the_session(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "ask"}
    asking = (api.post("/api/chat", json=QUESTION, headers=key) for _ in range(3))
    sessions = [answer.headers["x-session-id"] for answer in await asyncio.gather(*asking)]
    assert len(set(sessions)) == 1


async def test_who_joins_a_run_that_another_server_is_about_to_begin_is_told_its_session(
    api: httpx.AsyncClient,
) -> None:
    tide = api._transport.app.state.tide  # type: ignore[attr-defined]
    await tide.log.create("run_1")
    joining = asyncio.create_task(
        api.get("/api/chat", params=QUESTION, headers={"X-Run-Id": "run_1"})
    )
    while not tide.hub.viewers:
        await asyncio.sleep(0)
    begun = [RunStarted("run_1", session="s1"), RunStopped()]
    await tide.log.append("run_1", [Event(e.type, encode(e)) for e in begun], close=True)
    answer = await joining
    assert answer.headers["x-session-id"] == "s1"
    assert [event.event for event in events(answer)][-1] == "run.stopped"


async def test_a_request_with_a_cursor_or_a_run_joins_and_asks_nothing(
    api: httpx.AsyncClient,
) -> None:
    once = await api.get("/api/chat", params=QUESTION)
    seen = events(once)
    resume = {"Last-Event-ID": seen[4].id}
    rest = await api.get("/api/chat", params=QUESTION, headers=resume)
    posted = await api.post("/api/chat", json=QUESTION, headers=resume)
    named = await api.post(
        "/api/chat", json=QUESTION, headers={"X-Run-Id": once.headers["x-run-id"]}
    )
    assert events(rest) == events(posted) == seen[5:]
    assert events(named) == seen


async def test_a_get_begins_with_an_id_so_that_a_cut_before_the_first_event_can_join(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.get("/api/chat", params=QUESTION)
    epoch = events(answer)[0].id.partition("-")[0]
    assert answer.text.startswith(f": tidewire\nid: {epoch}-0\nretry: 2000\n\n")
    joined = await api.get("/api/chat", params=QUESTION, headers={"Last-Event-ID": f"{epoch}-0"})
    assert events(joined) == events(answer)


async def test_at_the_end_of_a_closed_stream_there_is_nothing_to_come(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post("/api/chat", json=QUESTION)
    last = {"Last-Event-ID": events(answer)[-1].id}
    for path in (answer.headers["location"], "/api/chat?message=m"):
        response = await api.get(path, headers=last)
        assert (response.status_code, response.content) == (204, b"")
    now = await api.get(answer.headers["location"], params={"from": "now"})
    assert now.status_code == 204


async def test_the_latest_events_alone_can_be_asked_for(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/chat", json=QUESTION)
    tail = await api.get(answer.headers["location"], params={"from": "3"})
    assert events(tail) == events(answer)[-3:]
    every = await api.get(answer.headers["location"], params={"from": "999999999"})
    assert events(every) == events(answer)


async def test_a_key_never_stands_for_a_further_attempt_of_another(start: Start) -> None:
    api = await start(models={"gone": AWAY, **AT_ONCE}, default_model="gone")

    async def ask(key: str, model: str) -> str:
        query = {**QUESTION, "idempotency_key": key, "model": model}
        return str((await api.get("/api/chat", params=query)).headers["x-run-id"])

    await ask("k", "gone")
    again = await ask("k", "demo")
    assert await ask("k\n1", "demo") != again == await ask("k", "demo")


async def test_a_session_remembers_what_was_said(api: httpx.AsyncClient) -> None:
    first = await api.post("/api/chat", json={"message": "My name is Ada"})
    session = first.headers["x-session-id"]
    second = await api.post("/api/chat", json={"message": "And now?", "session": session})
    assert second.headers["x-session-id"] == session
    usage = [json.loads(e.data) for a in (first, second) for e in events(a) if e.event == "usage"]
    assert usage[1]["input_tokens"] > usage[0]["input_tokens"] + usage[0]["output_tokens"] / 2


async def test_a_stop_by_run_or_by_session_ends_the_answer_and_can_be_repeated(
    start: Start,
) -> None:
    api = await start(models={"demo": {"api": "demo", "first_token_seconds": 0}})
    for by in ("run", "session"):
        async with asyncio.TaskGroup() as group:
            key = {"Idempotency-Key": by}
            asking = group.create_task(
                api.post("/api/chat", json={**QUESTION, "session": by}, headers=key)
            )
            while True:
                if (await api.post(f"/api/sessions/{by}/stop")).is_success:
                    break
                await asyncio.sleep(0)  # the question has not got through yet
        answer = asking.result()
        run = answer.headers["x-run-id"]
        assert events(answer)[-1].event == "run.stopped"
        for path in (f"/api/runs/{run}/stop", f"/api/sessions/{by}/stop"):
            assert (await api.post(path)).json() == {"run": run, "closed": True}
        about = (await api.get(f"/api/runs/{run}")).json()
        assert about == {"run": run, "closed": True, "first": 1, "head": len(events(answer))}


async def test_a_stop_by_session_ends_all_that_goes_on_in_it(start: Start) -> None:
    api = await start(models={"demo": {"api": "demo", "first_token_seconds": 3600}})
    question = {**QUESTION, "session": "two_tabs"}
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(api.post("/api/chat", json=question)) for _ in range(2)]
        while "tidewire_viewers 2.0" not in (await api.get("/metrics")).text:
            await asyncio.sleep(0)  # the questions have not got through yet
        while not all(task.done() for task in asking):
            await api.post("/api/sessions/two_tabs/stop")
            await asyncio.sleep(0)
    assert [events(task.result())[-1].event for task in asking] == ["run.stopped"] * 2


async def test_the_models_can_be_listed_and_a_demo_is_called_one(start: Start) -> None:
    gpt = {"api": "openai", "base_url": "http://127.0.0.1:9/v1"}
    api = await start(models={**AT_ONCE, "gpt": gpt}, default_model="gpt")
    assert (await api.get("/api/models")).json() == {
        "models": [
            {"name": "gpt", "api": "openai", "demo": False},
            {"name": "demo", "api": "demo", "demo": True},
        ]
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_can_be_asked_by_get_and_head(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 200
    assert (await api.head(path)).status_code == 200


async def test_a_server_that_drains_is_not_ready_and_says_why(api: httpx.AsyncClient) -> None:
    api._transport.app.state.tide.runs.draining = True  # type: ignore[attr-defined]
    ready = await api.get("/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
    refused = await api.post("/api/chat", json=QUESTION)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert refused.headers["retry-after"] == "2"


async def test_the_metrics_count_what_was_stored(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/chat", json=QUESTION)
    metrics = (await api.get("/metrics")).text
    stored = len(events(answer))
    for line in (
        f"tidewire_events_total {stored + 1}.0",  # and the session's question
        "tidewire_viewers 0.0",
        "tidewire_runs 0.0",
        "tidewire_log_failing 0.0",
    ):
        assert line in metrics.splitlines()
    for name in ("commits_total", "deliveries_total", "slow_viewers_total"):
        assert f"# HELP tidewire_{name} " in metrics
    assert "process_resident_memory_bytes" in metrics


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ({}, None),
        ({"on_disconnect": "cancel"}, 0),
        ({"linger_seconds": 5}, 5),
        ({"on_disconnect": "cancel", "linger_seconds": 5}, 5),
    ],
)
def test_who_cancels_on_leaving_may_say_how_long_he_may_be_away(
    wish: dict[str, Any], seconds: float | None
) -> None:
    assert Leaving.model_validate(wish).lingers_for == seconds
