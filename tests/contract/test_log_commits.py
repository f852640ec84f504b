"""The log's contract: what is one commit, and who hears of it when."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from tests.contract.logs import events, read_all
from tidewire.errors import StreamClosed, StreamNotFound
from tidewire.log.base import Commit, Log


async def test_one_turn_of_the_loop_is_one_commit(log: Log, told: list[Any]) -> None:
    epochs = {name: (await log.create(name)).epoch for name in "abc"}
    futures = [log.append(name, events(name, str(n))) for n in range(2) for name in "abc"]
    await asyncio.gather(*futures)
    assert told == [
        [Commit(name, 1, events(name, "0", name, "1"), False, epochs[name]) for name in "abc"],
    ]


async def test_tasks_that_are_ready_in_the_same_turn_share_a_commit(
    log: Log, told: list[Any]
) -> None:
    async def produce(name: str) -> None:
        await log.append(name, events(name))

    names = [f"s{n}" for n in range(50)]
    await asyncio.gather(*map(log.create, names))
    await asyncio.gather(*map(produce, names))
    assert [[commit.stream for commit in call] for call in told] == [names]


async def test_commits_are_told_in_order_without_hole_or_repeat(log: Log, told: list[Any]) -> None:
    await log.create("s")
    for n in range(100):
        log.append("s", events(str(n)))
        if n % 7 == 0:
            await asyncio.sleep(0)
    await log.append("s", events("end"), close=True)
    commits = [commit for (commit,) in told]
    data = [event.data for commit in commits for event in commit.events]
    assert data == [*map(str, range(100)), "end"]
    assert [commit.first for commit in commits[1:]] == [
        commit.first + len(commit.events) for commit in commits[:-1]
    ]
    assert [commit.closed for commit in commits] == [False] * (len(commits) - 1) + [True]


async def test_a_commit_is_durable_when_it_is_told_and_told_before_it_is_acknowledged(
    log: Log,
) -> None:
    await log.create("s")
    order: list[str] = []
    heard: list[asyncio.Task[list[str]]] = []

    def listen(commits: Any) -> None:
        order.append("told")
        assert not done.done()
        heard.append(asyncio.ensure_future(read_all(log, "s")))

    log.listener = listen
    done = log.append("s", events("a"))
    done.add_done_callback(lambda _: order.append("acknowledged"))
    await done
    assert await heard[0] == ["a"]
    assert order == ["told", "acknowledged"]


async def test_refused_appends_are_not_told(log: Log, told: list[Any]) -> None:
    await log.create("s")
    refused = [log.append("none", events("x")), log.append("s", events("x"), fence=99)]
    await asyncio.gather(*refused, return_exceptions=True)
    assert told == []


async def test_an_append_made_while_listening_is_another_commit(log: Log) -> None:
    await log.create("s")
    told: list[int] = []

    def echo(commits: Any) -> None:
        told.append(commits[0].first)
        if len(told) == 1:
            log.append("s", events("again"))

    log.listener = echo
    await log.append("s", events("a"))
    assert await log.append("s", events("z")) == 3
    assert told[0] == 1
    assert await read_all(log, "s") == ["a", "again", "z"]


async def test_a_listener_that_fails_harms_nobody(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(commits: Any) -> None:
        raise RuntimeError("listener")

    await log.create("s")
    log.listener = fail
    assert await asyncio.wait_for(log.append("s", events("a")), 5) == 1
    assert await asyncio.wait_for(log.append("s", events("b")), 5) == 2
    assert "The listener of the log failed." in caplog.text


async def test_a_caller_may_leave_or_never_look(log: Log) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    await log.create("s")
    log.append("none", events("ignored failure"))
    cancelled = log.append("s", events("a"))
    cancelled.cancel()
    waiting = asyncio.ensure_future(asyncio.wait_for(log.append("s", events("b")), 5))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await log.append("s", events("c"), close=True) == 3
    log.append("s", events("too late"))
    with pytest.raises(StreamClosed):
        await log.append("s", events("too late, too"))
    gc.collect()
    await asyncio.sleep(0)
    assert (await read_all(log, "s"), complaints) == (["a", "b", "c"], [])


async def test_one_refusal_is_not_the_others(log: Log) -> None:
    await log.create("s")
    good, bad = log.append("s", events("a")), log.append("none", events("b"))
    assert await good == 1
    with pytest.raises(StreamNotFound):
        await bad
    assert log.failure is None
