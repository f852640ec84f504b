"""Whatever becomes of a run, its stream ends, once, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.unit.runs.jumping_time import JumpingLoop, in_no_time
from tests.unit.runs.test_run import FailingLog, House, _hang
from tidewire.answers.events import (
    AnswerEvent,
    RunFailed,
    RunStarted,
    RunStopped,
    TextDelta,
    TextEnd,
    TextStart,
)
from tidewire.errors import LogUnavailable, ShuttingDown, UpstreamBroken
from tidewire.log.base import StreamInfo
from tidewire.log.pending import settle
from tidewire.models.base import Finish
from tidewire.runs.lease import LEASE_SECONDS
from tidewire.runs.source import Source

Said = AsyncGenerator[AnswerEvent | str, None]


class _Unheard(BaseException):
    """What no ``except Exception`` catches."""


async def _opens_a_part_without_a_name() -> Said:
    yield TextStart("\ud800")


async def _ends_for_a_reason_without_utf8() -> Said:
    yield Finish("\ud800")


async def _fails_with_a_message_without_utf8() -> Said:
    yield "one"
    raise UpstreamBroken("half \ud800")


@pytest.mark.parametrize(
    "source",
    [
        _opens_a_part_without_a_name,
        _ends_for_a_reason_without_utf8,
        _fails_with_a_message_without_utf8,
    ],
)
@in_no_time
async def test_an_end_that_has_no_utf8_is_another_end(source: Callable[[], Source]) -> None:
    said = await House().whole(source)
    assert said[-1] == RunFailed("internal", "The answer could not be finished.", retryable=True)
    assert not any(isinstance(event, TextStart) and event.part != "t1" for event in said)


@in_no_time
async def test_what_is_no_exception_ends_the_run_too() -> None:
    async def source() -> Said:
        yield "one"
        raise _Unheard

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    house = House()
    started = await house.start(source)
    await asyncio.sleep(1)
    said = await house.stored(started)
    assert said[-1] == RunFailed("internal", "The answer could not be finished.", retryable=True)


@in_no_time
async def test_the_end_of_a_run_that_is_passed_on_is_the_end() -> None:
    async def source() -> Said:
        yield RunStarted("run_other")
        yield TextStart("t1")
        yield RunStopped("stop")
        yield "after"

    said = await House().whole(source)
    assert said[1:] == [TextStart("t1"), TextEnd("t1"), RunStopped("stop")]


@in_no_time
async def test_a_run_says_nothing_in_a_stream_that_was_made_anew() -> None:
    house = House()
    await house.start(lambda: _hang("old"), id="run_same")
    await asyncio.sleep(1)
    await house.log.delete("run_same")
    again = await house.start(lambda: _hang("new"), id="run_same")
    await asyncio.sleep(10)
    assert (await house.stored(again))[1:] == [TextStart("t1"), TextDelta("t1", "new")]
    assert house.runs.get("run_same") is again.run
    await house.runs.close()


# Starting


class _SlowLog(FailingLog):
    """Streams are made at once, and their makers told a second later."""

    def create(self, name: str, **options: Any) -> asyncio.Future[StreamInfo]:
        loop = asyncio.get_running_loop()
        made, told = super().create(name, **options), loop.create_future()
        loop.call_later(1.0, lambda: settle(told, made.result()))
        return told


@pytest.mark.parametrize("is_full", [False, True])
@in_no_time
async def test_who_leaves_while_a_run_is_made_leaves_no_open_stream(is_full: bool) -> None:
    log = _SlowLog()
    house = House(log)
    leaver = asyncio.create_task(house.start(_hang, id="run_same"))
    await asyncio.sleep(0.5)
    leaver.cancel()
    log.is_full = is_full
    await asyncio.sleep(10)
    log.is_full = False
    await asyncio.sleep(10)
    (end,) = await house.stored(await house.start(_hang, id="run_same"))
    assert isinstance(end, RunFailed) and end.retryable


@in_no_time
async def test_a_run_that_is_made_while_the_server_ends_does_not_begin() -> None:
    house = House(_SlowLog())
    late = asyncio.create_task(house.start(_hang, id="run_late"))
    await asyncio.sleep(0.5)
    await house.runs.close()
    with pytest.raises(ShuttingDown):
        await late
    await asyncio.sleep(0)
    assert (await house.log.info("run_late")).closed


# Closing and taking over while nothing can be stored


@in_no_time
async def test_nobody_tries_to_store_an_end_in_a_log_that_was_closed() -> None:
    log = FailingLog()
    house = House(log)
    await house.start(lambda: _hang("one"))
    await asyncio.sleep(1)
    log.is_full = True
    await house.runs.close()
    await asyncio.sleep(1)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_no_time
async def test_nor_the_end_of_a_run_that_was_made_too_late() -> None:
    house = House(_SlowLog())
    late = asyncio.create_task(house.start(_hang))
    await asyncio.sleep(0.5)
    await house.runs.close()
    await house.log.close()
    with pytest.raises(ShuttingDown):
        await late
    await asyncio.sleep(1)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("is_dead", [True, False])
@in_no_time
async def test_a_run_that_was_seized_is_closed_though_it_takes_several_attempts(
    is_dead: bool,
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    log = FailingLog(clock=loop.time)
    theirs, ours = House(log), House(log)
    if not is_dead:
        await theirs.runs.open()
    started = await theirs.start(lambda: _hang("one"))
    await asyncio.sleep(1)
    log.is_full = True
    await ours.runs.open()
    if not is_dead:
        with pytest.raises(LogUnavailable):
            await ours.runs.stop(started.id)
    await asyncio.sleep(LEASE_SECONDS)
    log.is_full = False
    await asyncio.sleep(LEASE_SECONDS)
    *_, part, end = await ours.stored(started)
    assert part == TextEnd("t1")
    assert end.type == (RunFailed.type if is_dead else RunStopped.type)
    await ours.runs.close()
    await theirs.runs.close()
