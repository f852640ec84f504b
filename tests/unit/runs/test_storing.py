"""A run and its log: never far ahead of it, fenced by it, and nothing left when it is over."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator

import pytest

from tests.unit.runs.jumping_time import JumpingLoop, in_no_time
from tests.unit.runs.test_run import FailingLog, House, _hang
from tidewire.answers.events import RunFailed, TextDelta
from tidewire.errors import LogUnavailable
from tidewire.log.memory import MemoryLog
from tidewire.runs.lease import LEASE_SECONDS
from tidewire.runs.run import CHECK_EVERY
from tidewire.runs.runs import Started


def _task(started: Started) -> asyncio.Task[None]:
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == f"run {started.id}")
    return task


class _SlowLog(MemoryLog):
    """Stores when it is told to."""

    is_held = False

    def _commit(self) -> None:
        if not self.is_held:
            super()._commit()


@in_no_time
async def test_a_source_that_is_quicker_than_the_log_waits_for_it() -> None:
    log = _SlowLog()
    house = House(log)
    count = 0

    async def source() -> AsyncGenerator[str, None]:
        nonlocal count
        log.is_held = True
        while count < 10 * CHECK_EVERY:
            count += 1
            yield "x"

    started = await house.start(source)
    await asyncio.sleep(1)
    assert CHECK_EVERY <= count <= 2 * CHECK_EVERY
    log.is_held = False
    log._commit()
    await house.ended(started)
    said = await house.stored(started)
    assert sum(isinstance(event, TextDelta) for event in said) == 10 * CHECK_EVERY


@in_no_time
async def test_a_run_that_was_seized_adds_nothing_to_its_stream_that_is_open_still() -> None:
    house = House()

    async def source() -> AsyncGenerator[str, None]:
        yield "one"
        await asyncio.sleep(1)
        yield "two"

    started = await house.start(source)
    await asyncio.sleep(0.5)
    await house.log.seize(started.id, "heir")
    await asyncio.sleep(10)
    said = await house.stored(started)
    assert said[-1] == TextDelta("t1", "one")
    assert not (await house.log.info(started.id)).closed and not house.runs


@in_no_time
async def test_a_run_that_is_cancelled_from_outside_is_interrupted() -> None:
    house = House()
    started = await house.start(lambda: _hang("one"))
    await asyncio.sleep(1)
    _task(started).cancel()
    await house.ended(started)
    end = (await house.stored(started))[-1]
    assert isinstance(end, RunFailed) and (end.code, end.retryable) == ("interrupted", True)


@in_no_time
async def test_a_run_knows_when_its_first_word_came() -> None:
    house = House()

    async def source() -> AsyncGenerator[str, None]:
        await asyncio.sleep(3)
        yield "one"
        await asyncio.sleep(3)
        yield "two"

    await asyncio.sleep(1)
    started = await house.start(source)
    assert started.run
    await started.run.begun
    assert asyncio.get_running_loop().time() == pytest.approx(4)
    await house.ended(started)
    assert list(house.runs.first_token_seconds) == pytest.approx([3])


@in_no_time
async def test_nothing_is_left_of_a_run_that_has_ended() -> None:
    house = House()
    started = await house.start(lambda: _hang("one"), linger_seconds=60)
    run, task = weakref.ref(started.run), weakref.ref(_task(started))
    await asyncio.sleep(1)
    await house.runs.stop(started.id)
    await house.ended(started)
    del started
    gc.collect()
    assert (run(), task()) == (None, None)


class _LogWithoutLeases(FailingLog):
    """Can be away for leases alone."""

    is_away = False

    async def hold(self, owner: str, seconds: float) -> None:
        if self.is_away:
            raise LogUnavailable("away")
        await super().hold(owner, seconds)


@in_no_time
async def test_a_lease_that_could_not_be_renewed_once_is_renewed_the_next_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    log = _LogWithoutLeases(clock=loop.time)
    ours, theirs = House(log), House(log)
    await ours.runs.open()
    started = await ours.start(lambda: _hang("one"))
    log.is_away = True
    await asyncio.sleep(LEASE_SECONDS / 2)
    log.is_away = False
    await theirs.runs.open()
    await asyncio.sleep(3 * LEASE_SECONDS)
    assert "cannot be renewed" in caplog.text
    assert not (await log.info(started.id)).closed
    await ours.runs.close()
    await theirs.runs.close()
