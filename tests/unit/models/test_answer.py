"""An answer, told or iterated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tidewire.answers.events import AnswerEvent, TextDelta
from tidewire.errors import UpstreamBroken
from tidewire.models.answer import Answer, Hear, Hold, tell

SAID = [TextDelta("t1", word) for word in ("High ", "water ", "at ", "noon.")]


async def _say_all(hear: Hear) -> None:
    for event in SAID:
        hear(event)
        await asyncio.sleep(0)


async def test_it_is_told_in_the_task_of_who_asks() -> None:
    heard: list[AnswerEvent] = []
    tasks: set[asyncio.Task[None] | None] = set()

    def hear(event: AnswerEvent) -> Hold:
        heard.append(event)
        tasks.add(asyncio.current_task())
        return None

    await tell(Answer(_say_all), hear)
    assert heard == SAID
    assert tasks == {asyncio.current_task()}


async def test_it_is_iterated() -> None:
    assert [event async for event in Answer(_say_all)] == SAID


async def test_what_was_said_before_a_failure_is_heard() -> None:
    async def break_off(hear: Hear) -> None:
        hear(SAID[0])
        raise UpstreamBroken("Off.")

    answer = Answer(break_off)
    assert await anext(answer) == SAID[0]
    with pytest.raises(UpstreamBroken):
        await anext(answer)


@pytest.mark.parametrize("how", ["left", "cancelled", "thrown"])
async def test_who_stops_iterating_is_told_no_more(how: str) -> None:
    left = asyncio.Event()

    async def say_and_hang(hear: Hear) -> None:
        hear(SAID[0])
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with aclosing(Answer(say_and_hang)) as answer:
        assert await anext(answer) == SAID[0]
        if how == "cancelled":
            waiting = asyncio.ensure_future(anext(answer))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        elif how == "thrown":
            with pytest.raises(ValueError, match="why"):
                await answer.athrow(ValueError("why"))
        assert left.is_set() is (how != "left")
    assert left.is_set()


async def test_nothing_is_asked_of_a_model_that_nobody_hears() -> None:
    async def never(hear: Hear) -> None:
        raise AssertionError

    await Answer(never).aclose()


async def test_it_is_not_told_further_than_a_little_ahead_of_who_iterates() -> None:
    holds: list[Hold] = []

    async def flood(hear: Hear) -> None:
        for event in SAID * 25:
            holds.append(hear(event))
            if holds[-1] is not None:
                await asyncio.wait([holds[-1]])

    async with aclosing(Answer(flood)) as answer:
        await anext(answer)
        await asyncio.sleep(0)
        ahead = len(holds)
        assert 50 < ahead < 80
        for _ in range(ahead + 1):
            await anext(answer)
        await asyncio.sleep(0)
        assert len(holds) == 100


async def test_a_source_that_is_iterated_waits_for_what_is_to_be_waited_for() -> None:
    said: list[str] = []
    hold: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def source() -> AsyncGenerator[str, None]:
        for word in ("High ", "water"):
            said.append(word)
            yield word

    telling = asyncio.ensure_future(tell(source(), lambda _: hold))
    await asyncio.sleep(0)
    assert said == ["High "]
    hold.set_exception(OSError("it failed"))  # which is no affair of the source
    await telling
    assert said == ["High ", "water"]


async def test_what_the_listener_raises_is_raised() -> None:
    def refuse(event: AnswerEvent) -> Hold:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await tell(Answer(_say_all), refuse)
