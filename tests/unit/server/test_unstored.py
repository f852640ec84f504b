"""``store: false``: whole for who asked, unknown as a response, and soon no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tidewire.errors import StreamGone, StreamNotFound
from tidewire.log.base import Log
from tidewire.log.memory import MemoryLog
from tidewire.log.sqlite import SqliteLog
from tidewire.server.unstored import PAGE, UNSTORED, Unstored
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser

URL = "/v1/responses"
QUESTION: Any = {"input": "hello", "store": False}


@pytest.mark.parametrize("stream", [True, False])
async def test_who_asked_gets_it_and_nobody_retrieves_it(
    api: httpx.AsyncClient, stream: bool
) -> None:
    answer = await api.post(URL, json=QUESTION | {"stream": stream})
    run = answer.headers["x-run-id"]
    assert run.startswith(UNSTORED) and '"completed"' in answer.text
    for method, path in ("GET", ""), ("GET", "?stream=true"), ("POST", "/cancel"):
        refused = await api.request(method, f"{URL}/{run}{path}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


async def test_a_connection_that_was_cut_goes_on(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "once"}
    answer = await api.post(URL, json=QUESTION, headers=key)
    run = answer.headers["x-run-id"]
    assert (await api.post(URL, json=QUESTION, headers=key)).json() == answer.json()
    assert (await api.post(URL, json=QUESTION, headers={"X-Run-Id": run})).json() == answer.json()
    stored = Parser().feed((await api.get(f"/api/streams/{run}")).content)
    assert json.loads(stored[0].data)["run"] == run
    assert stored[-1].event == "run.finished"


async def test_what_is_stored_has_another_id(api: httpx.AsyncClient) -> None:
    for store in ({}, {"store": True}, {"store": None}):
        answer = await api.post(URL, json={"input": "hello", **store})
        assert not answer.headers["x-run-id"].startswith(UNSTORED)
        assert (await api.get(f"{URL}/{answer.headers['x-run-id']}")).json() == answer.json()


async def test_it_is_deleted_by_the_second_sweep_after_its_end(api: httpx.AsyncClient) -> None:
    log = api._transport.app.state.tide.log  # type: ignore[attr-defined]
    unstored = Unstored(log)
    kept = (await api.post(URL, json={"input": "hello"})).headers["x-run-id"]
    gone = (await api.post(URL, json=QUESTION)).headers["x-run-id"]
    await unstored.sweep()
    assert (await api.get(f"/api/streams/{gone}")).status_code == 200
    await unstored.sweep()
    assert (await api.get(f"/api/streams/{gone}")).status_code == 410
    assert (await api.get(f"{URL}/{gone}")).status_code == 404
    assert (await api.get(f"{URL}/{kept}")).status_code == 200


@pytest.fixture(params=["memory", "sqlite"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    log: Log = MemoryLog() if request.param == "memory" else SqliteLog(tmp_path / "log.db")
    await log.open()
    yield log
    await log.close()


async def test_a_server_that_starts_finds_those_of_the_one_before(log: Log) -> None:
    names = [f"{UNSTORED}{index:03}" for index in range(PAGE + 2)]
    for name in [*names, "run_unstored"]:
        await log.create(name)
    for name in names[1:]:
        await log.append(name, [Event("run.finished", "{}")], close=True)
    unstored = Unstored(log)
    await unstored.sweep()
    await unstored.sweep()
    for name in names[1:]:
        with pytest.raises(StreamGone):
            await log.info(name)
    for going_on in names[0], "run_unstored":
        assert not (await log.info(going_on)).closed


async def test_a_name_that_is_used_again_begins_anew(log: Log) -> None:
    name = f"{UNSTORED}1"
    unstored = Unstored(log)
    for _ in range(2):
        await log.create(name)
        await log.append(name, [Event("run.finished", "{}")], close=True)
        await unstored.sweep()
        assert (await log.info(name)).closed
        await log.delete(name)


async def test_the_server_sweeps(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire.server.unstored.SWEEP_EVERY_SECONDS", 0)
    api = await start()
    log: Log = api._transport.app.state.tide.log  # type: ignore[attr-defined]
    run = (await api.post(URL, json=QUESTION)).headers["x-run-id"]
    while True:
        try:
            await log.info(run)
        except (StreamGone, StreamNotFound):
            break
        await api.get("/healthz")
