"""Stopping and leaving: what ends an answer, how soon, and what never does."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.faults.fake_upstream import Behaviour, Exchange, FakeUpstream, chunk
from tests.faults.punctual import within
from tests.faults.scripted import CONFIG, say_then_hang
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection, text_of
from tidewire.wire.parser import ServerSentEvent

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECES = ("High ", "water ", "at six")
SOON_SECONDS = 10
"""Less than one where nothing else runs; by itself nothing ends here in a minute."""
STOP_SECONDS = 1.0


class House(NamedTuple):
    """Two servers on one SQLite file, and the model API that both ask."""

    server: ServerProcess
    other: ServerProcess
    upstream: FakeUpstream

    async def ask(
        self, behave: Behaviour | None = None, **options: object
    ) -> tuple[Connection, Exchange]:
        """Asks, waits until the model API was asked, and gives both ends."""
        self.upstream.behave = behave or say_then_hang(*PIECES)
        self.upstream.asked.clear()
        body = {"message": "When is high water?", **options}
        connection = await Connection.open(self.server.port, "POST", "/api/chat", body=body)
        async with asyncio.timeout(SOON_SECONDS):
            await self.upstream.asked.wait()
        return connection, self.upstream.exchanges[-1]

    async def stored(self, run: str) -> list[ServerSentEvent]:
        connection = await Connection.open(self.server.port, "GET", f"/api/streams/{run}")
        try:
            async with asyncio.timeout(SOON_SECONDS):
                return await connection.rest()
        finally:
            connection.cut()

    async def is_closed(self, run: str) -> bool:
        return bool((await self.server.run_info(run))["closed"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("stop")
    async with FakeUpstream(say_then_hang(*PIECES)) as upstream:
        config = CONFIG.format(url=upstream.url)
        server = await ServerProcess(folder, config).start()
        other = await ServerProcess(folder, config).start()
        yield House(server, other, upstream)
        await server.stop()
        await other.stop()
        assert "Traceback" not in server.log


async def _until_said(connection: Connection) -> list[ServerSentEvent]:
    """Reads until all pieces are there."""
    events: list[ServerSentEvent] = []
    while text_of(events) != "".join(PIECES):
        more = await connection.read()
        assert more is not None
        events += more
    return events


async def _gone(exchange: Exchange) -> float:
    """Waits until the server has left the model API; gives how long that took."""
    began_at = time.monotonic()
    async with asyncio.timeout(SOON_SECONDS):
        await exchange.gone.wait()
    return time.monotonic() - began_at


# Stop


async def test_stop_ends_the_model_connection_and_keeps_the_text(house: House) -> None:
    async def stop_one() -> float:
        connection, exchange = await house.ask()
        events = await _until_said(connection)
        run = connection.headers["x-run-id"]
        response, took_seconds = await asyncio.gather(house.server.stop_run(run), _gone(exchange))
        assert response.json() == {"run": run, "closed": True}
        events += await connection.rest()
        connection.cut()
        assert text_of(events) == "".join(PIECES)
        assert [event.event for event in events[-3:]] == ["text.end", "usage", "run.stopped"]
        assert json.loads(events[-2].data)["estimated"] is True
        return took_seconds

    await within(STOP_SECONDS, stop_one)


async def test_stop_again_and_again_changes_nothing(house: House) -> None:
    connection, _ = await house.ask()
    await _until_said(connection)
    run = connection.headers["x-run-id"]
    responses = await asyncio.gather(*(house.server.stop_run(run) for _ in range(5)))
    responses.append(await house.server.stop_run(run))
    assert [response.status_code for response in responses] == [200] * 6
    connection.cut()
    ends = [event.event for event in await house.stored(run) if event.event.startswith("run.")]
    assert ends == ["run.started", "run.stopped"]


async def test_stop_before_the_first_token(house: House) -> None:
    async def stop_one() -> float:
        connection, exchange = await house.ask(lambda x: x.hang())
        await connection.head()  # held back for two seconds, then sent
        run = connection.headers["x-run-id"]
        _, took_seconds = await asyncio.gather(house.server.stop_run(run), _gone(exchange))
        events = await connection.rest()
        connection.cut()
        assert [event.event for event in events] == ["run.started", "usage", "run.stopped"]
        return took_seconds

    await within(STOP_SECONDS, stop_one)


async def test_stop_of_a_run_that_is_not(house: House) -> None:
    for run in ("run_nothing", "session/x", "nothing"):
        assert (await house.server.stop_run(run)).status_code == 404


async def _go_on(exchange: Exchange) -> None:
    await exchange.start()
    while not exchange.gone.is_set():
        await exchange.send(chunk({"content": "on "}))
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("behave", [say_then_hang("One."), _go_on], ids=["silent", "speaking"])
async def test_stop_on_another_server(house: House, behave: Behaviour) -> None:
    connection, exchange = await house.ask(behave)
    events = await connection.read() or []
    run = connection.headers["x-run-id"]
    response = await house.other.stop_run(run)
    assert response.json() == {"run": run, "closed": True}
    # The owner looks at least once a second whether the run is still its own.
    await _gone(exchange)
    async with asyncio.timeout(SOON_SECONDS):
        events += await connection.rest()  # who watches at the owner is told as well
    connection.cut()
    assert [event.event for event in events][-1] == "run.stopped"
    assert await house.stored(run) == events


# Leaving


async def test_leaving_never_ends_a_run(house: House) -> None:
    connection, exchange = await house.ask()
    await _until_said(connection)
    run = connection.headers["x-run-id"]
    connection.cut(reset=True)
    await asyncio.sleep(0.5)
    assert not exchange.gone.is_set()
    assert not await house.is_closed(run)
    await house.server.stop_run(run)


async def test_leaving_cancels_if_asked_to(house: House) -> None:
    connection, exchange = await house.ask(on_disconnect="cancel")
    await _until_said(connection)
    connection.cut()
    await _gone(exchange)
    events = await house.stored(connection.headers["x-run-id"])
    assert text_of(events) == "".join(PIECES)
    assert json.loads(events[-1].data) == {"reason": "disconnect"}


@pytest.mark.parametrize("reset", [True, False])
async def test_leaving_before_the_head_cancels_if_asked_to(house: House, reset: bool) -> None:
    connection, exchange = await house.ask(lambda x: x.hang(), on_disconnect="cancel")
    connection.cut(reset=reset)
    await _gone(exchange)


async def test_leaving_at_any_moment_of_the_start_cancels_if_asked_to(house: House) -> None:
    """While the question is read, the run is made, the model is asked …"""
    house.upstream.behave = lambda exchange: exchange.hang()
    before = len(house.upstream.exchanges)
    for moment in itertools.count():
        if moment >= 60 and len(house.upstream.exchanges) > before:
            break  # a loaded machine may need longer than these to ask a model at all
        body = {"message": "When?", "on_disconnect": "cancel"}
        connection = await Connection.open(house.server.port, "POST", "/api/chat", body=body)
        await asyncio.sleep(moment * 0.0002)
        connection.cut(reset=moment % 2 == 1)
    await asyncio.sleep(0.5)
    asked = house.upstream.exchanges[before:]
    assert asked
    await asyncio.gather(*(_gone(exchange) for exchange in asked))


async def test_the_last_viewer_counts(house: House) -> None:
    connection, exchange = await house.ask(on_disconnect="cancel")
    await _until_said(connection)
    second = await Connection.open(house.server.port, "GET", connection.headers["location"])
    await _until_said(second)
    connection.cut()
    await asyncio.sleep(0.3)
    assert not exchange.gone.is_set()
    second.cut()
    await _gone(exchange)


async def test_linger_gives_time_to_come_back(house: House) -> None:
    connection, exchange = await house.ask(linger_seconds=1.5)
    await _until_said(connection)
    connection.cut()
    await asyncio.sleep(0.1)
    again = await Connection.open(house.server.port, "GET", connection.headers["location"])
    await _until_said(again)
    await asyncio.sleep(1.5)
    assert not exchange.gone.is_set()  # somebody is there
    left_at = time.monotonic()
    again.cut()
    await _gone(exchange)
    assert time.monotonic() - left_at > 1.4
