"""The runs of a process: joined, refused while it ends, and closed when their owner is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.unit.runs.jumping_time import JumpingLoop, in_no_time
from tests.unit.runs.test_run import House
from tidewire.answers.events import RunFailed, TextDelta, TextEnd
from tidewire.errors import BadRequest, NotFound, ShuttingDown, StreamGone, StreamNotFound
from tidewire.log.memory import MemoryLog
from tidewire.runs.lease import LEASE_SECONDS, Lease
from tidewire.wire.event import Event


async def _speak_for_ever() -> AsyncGenerator[str, None]:
    while True:
        yield "on "
        await asyncio.sleep(1)


def _log() -> MemoryLog:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return MemoryLog(clock=loop.time)


@in_no_time
async def test_the_same_id_joins_and_asks_nobody() -> None:
    house = House()
    asked = 0

    def source() -> AsyncGenerator[str, None]:
        nonlocal asked
        asked += 1
        return _speak_for_ever()

    first, *others = await asyncio.gather(*(house.start(source, id="run_same") for _ in range(5)))
    assert asked == 1 and first.created
    assert not any(other.created for other in others)
    assert {other.stream.epoch for other in others} == {first.stream.epoch}
    assert len(house.runs) == 1
    await house.runs.close()


@pytest.mark.parametrize(
    "id", ["mine", "session/1", "run_", "run_a b", "run_a/b", "run_" + "x" * 201]
)
async def test_an_id_that_nobody_could_stop_it_by_begins_no_run(id: str) -> None:
    house = House()
    with pytest.raises(BadRequest, match="A run's id is 'run_'"):
        await house.start(_speak_for_ever, id=id)


@in_no_time
async def test_a_run_that_has_ended_is_joined_too() -> None:
    house = House()
    first = await house.start(_speak_for_ever, id="run_same")
    await house.runs.stop("run_same")
    await house.ended(first)
    again = await house.start(_speak_for_ever, id="run_same")
    assert not again.created and again.run is None and again.stream.closed


@in_no_time
async def test_no_new_run_while_it_ends() -> None:
    house = House()
    running = await house.start(_speak_for_ever)
    closing = asyncio.create_task(house.runs.close(drain_seconds=30))
    await asyncio.sleep(1)
    with pytest.raises(ShuttingDown):
        await house.start(_speak_for_ever)
    assert running.run and not running.run.ended
    await closing
    assert 30 <= asyncio.get_running_loop().time() < 32
    said = await house.stored(running)
    assert said[-1] == RunFailed("interrupted", "The server is restarting.", retryable=True)


@in_no_time
async def test_a_run_whose_owner_is_gone_is_closed_once_and_its_parts_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = _log()
    dead, alive = House(log), House(log)
    await dead.runs.open()
    started = await dead.start(_speak_for_ever)
    await asyncio.sleep(2)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name() == "lease":  # it dies: nobody renews its lease
            task.cancel()
    await alive.runs.open()
    assert not (await log.info(started.id)).closed  # it may still live
    await asyncio.sleep(4 * LEASE_SECONDS)
    assert caplog.text.count("Closed run") == 1
    said = await alive.stored(started)
    assert [type(event) for event in said[-3:]] == [TextDelta, TextEnd, RunFailed]
    assert said[-1] == RunFailed("interrupted", "The server stopped in the middle.", retryable=True)
    assert not dead.runs  # the zombie has noticed
    await alive.runs.close()


@in_no_time
async def test_a_run_whose_data_are_damaged_is_closed_all_the_same() -> None:
    log = _log()
    await log.create("run_1", owner="dead")
    await log.append("run_1", [Event("text.start", '{"part":"t1"}'), Event("text.delta", "{")])
    await Lease(log).take_over("run_1", RunFailed("interrupted", "It stopped."))
    assert (await log.info("run_1")).closed
    said = (await log.read("run_1", 2)).events
    assert [event.type for event in said] == ["text.end", "run.failed"]


@in_no_time
async def test_a_lease_that_is_kept_protects_its_runs() -> None:
    log = _log()
    ours, theirs = House(log), House(log)
    await ours.runs.open()
    started = await ours.start(_speak_for_ever)
    await theirs.runs.open()
    await asyncio.sleep(20 * LEASE_SECONDS)
    assert not (await log.info(started.id)).closed
    await ours.runs.close()
    await theirs.runs.close()


@in_no_time
async def test_stop_of_what_is_no_run() -> None:
    house = House()
    await house.log.create("session/1")
    await house.log.create("run_old")
    await house.log.delete("run_old")
    with pytest.raises(NotFound):
        await house.runs.stop("session/1")
    with pytest.raises(StreamNotFound):
        await house.runs.stop("run_never")
    with pytest.raises(StreamGone):
        await house.runs.stop("run_old")
