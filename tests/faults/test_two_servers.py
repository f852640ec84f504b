"""Two servers on one SQLite file: what one stores, the viewers of the other see."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.faults.follower import Follower, Publisher
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection
from tidewire.wire.parser import ServerSentEvent

DEMO = '[models.demo]\napi = "demo"\nfirst_token_seconds = 0\ntokens_per_second = 30\n'
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Servers(NamedTuple):
    here: ServerProcess
    there: ServerProcess


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Two for all tests of this file, each with channels of its own; the last ends one."""
    folder: Path = tmp_path_factory.mktemp("two")
    both = Servers(ServerProcess(folder, DEMO), ServerProcess(folder, DEMO))
    try:
        for server in both:
            await server.start()
        yield both
    finally:
        for server in both:
            await server.stop()


async def test_viewers_of_both_see_what_is_published_at_either(servers: Servers) -> None:
    here, there = servers
    names = ("a", "b", "c")
    followers = [(Follower(*names), server.port) for server in (here, there) for _ in range(4)]
    async with Publisher([here.port, there.port]) as publisher, asyncio.timeout(40):

        async def publish(name: str) -> None:
            for _ in range(30):
                await publisher.publish(name)

        wanted = dict.fromkeys(names, 30)
        await asyncio.gather(
            *map(publish, names),
            *(each.follow([port], partial(each.has, wanted)) for each, port in followers),
        )
    for follower, _ in followers:
        assert dict(follower.got) == wanted
        assert follower.connections == 1 and not follower.resets


async def test_it_does_not_take_long(servers: Servers) -> None:
    here, there = servers
    follower = Follower("soon")
    waits = []
    async with Publisher([here.port]) as publisher, asyncio.timeout(40):
        following = asyncio.create_task(
            follower.follow([there.port], lambda: follower.got["soon"] == 20)
        )
        await follower.is_open.wait()
        for n in range(20):
            begun = time.monotonic()
            await publisher.publish("soon")
            while follower.got["soon"] <= n:
                await asyncio.sleep(0.001)
            waits.append(time.monotonic() - begun)
        await following
    assert sorted(waits)[10] < 2, waits  # a tenth of a second where nothing else runs


async def test_a_channel_deleted_at_one_is_told_at_the_other(servers: Servers) -> None:
    here, there = servers
    follower = Follower("gone", "stays")
    async with Publisher([here.port]) as publisher, asyncio.timeout(40):
        await publisher.publish("gone", 3)
        following = asyncio.create_task(
            follower.follow([there.port], lambda: follower.has({"gone": 3, "stays": 2}))
        )
        await follower.is_open.wait()
        await publisher.publish("stays")
        while not follower.has({"gone": 3, "stays": 1}):
            await asyncio.sleep(0.01)
        deleted = await here.delete("/api/channels/gone")
        assert deleted.status_code == 204
        while not follower.resets:
            await asyncio.sleep(0.01)
        (reset,) = follower.resets
        assert (reset["stream"], reset["reason"]) == ("gone", "gone")
        await publisher.publish("stays")
        await following
        anew = await there.post("/api/channels/gone", content="anew")
        info = (await here.get("/api/channels/gone/info")).json()
        assert (info["cursor"], info["head"]) == (anew.json()["cursor"], 1)


class Watcher:
    """One reading of a run over one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[ServerSentEvent] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while (events := await self.connection.read()) is not None:
                self.events += events
        finally:
            self.connection.cut()

    async def has(self, type: str, count: int = 1) -> None:
        while sum(event.event == type for event in self.events) < count:
            await asyncio.sleep(0.005)

    def said(self) -> list[tuple[str, str, str]]:
        return [(event.id, event.event, event.data) for event in self.events if event.data]


async def test_an_answer_is_watched_and_stopped_from_the_other(servers: Servers) -> None:
    here, there = servers
    async with asyncio.timeout(40):
        body = {"message": "Tell me a very long story about the tides"}
        asked = Watcher(await Connection.open(here.port, "POST", "/api/chat", body=body))
        await asked.has("text.delta")
        run = asked.connection.headers["location"].rpartition("/")[2]
        watched = Watcher(await Connection.open(there.port, "GET", f"/api/streams/{run}"))
        await watched.has("text.delta", 10)
        before = len(watched.events)
        await watched.has("text.delta", 15)  # it comes live, not as a whole
        assert len(watched.events) > before
        stopped = await there.stop_run(run)
        assert stopped.json() == {"run": run, "closed": True}
        await asyncio.gather(asked.task, watched.task)
    assert watched.said() == asked.said()
    ends = [event for event in watched.events if event.event.startswith("run.")]
    assert [end.event for end in ends] == ["run.started", "run.stopped"]
    assert json.loads(ends[-1].data)["reason"] == "stop"


async def test_a_thousand_viewers_move_to_the_other_and_miss_nothing(servers: Servers) -> None:
    """SIGTERM to one of two, in the middle of publishing at both."""
    leaving, staying = servers
    followers = [Follower("x", "y") if n % 10 == 0 else Follower("x") for n in range(1000)]
    ports = [leaving.port, staying.port]
    async with Publisher(ports) as publisher, asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        for follower in followers:
            wanted = dict.fromkeys(follower.names, 40)
            tasks.create_task(follower.follow(ports, partial(follower.has, wanted)))
        await asyncio.gather(*(each.is_open.wait() for each in followers))
        for n in range(40):
            if n == 10:
                leaving.terminate()
            await publisher.publish("x")
            await publisher.publish("y")
            await asyncio.sleep(0.04)  # so that it lasts as long as the drain
        assert await leaving.wait() == 0
    assert "Traceback" not in leaving.log
    for follower in followers:
        assert all(follower.got[name] == 40 for name in follower.names)
        assert not follower.resets
    # Who was sent away last may have heard everything by then.
    assert sum(follower.connections >= 2 for follower in followers) > len(followers) / 2
