"""Turns are given in order, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from tidewire.errors import UpstreamRefused
from tidewire.models.turns import Turns


class Answers:
    """Begins answers that last until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.going: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        task = self._tasks[name] = asyncio.create_task(self._answer(name))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self._tasks[name]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _answer(self, name: str) -> None:
        async with self._turns:
            self.going.append(name)
            await self._ends[name].wait()
            self.going.remove(name)


def turns(at_once: int, queue: int = 10, wait_seconds: float = 5) -> Turns:
    return Turns(at_once=at_once, queue=queue, wait_seconds=wait_seconds)


async def test_first_come_first_served() -> None:
    answers = Answers(turns(2))
    for name in "abcd":
        await answers.begin(name)
    assert answers.going == ["a", "b"]
    await answers.end("b")
    assert answers.going == ["a", "c"]
    await answers.end("a")
    assert answers.going == ["c", "d"]
    await answers.end("c")
    await answers.end("d")


async def test_full_queue_is_429_at_once() -> None:
    answers = Answers(turns(1, queue=1))
    await answers.begin("a")
    await answers.begin("b")
    refused = await answers.begin("c")
    with pytest.raises(UpstreamRefused) as caught:
        await refused
    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert caught.value.retry_after_seconds == 1
    await answers.end("a")
    await answers.begin("d")  # the place of b is free again
    await answers.end("b")
    await answers.end("d")


async def test_waiting_too_long_is_429() -> None:
    answers = Answers(turns(1, wait_seconds=0.02))
    await answers.begin("a")
    late = await answers.begin("b")
    with pytest.raises(UpstreamRefused):
        await late
    await answers.end("a")
    await answers.begin("c")
    assert answers.going == ["c"]
    await answers.end("c")


async def test_whoever_leaves_the_queue_gives_its_place_back() -> None:
    answers = Answers(turns(1, queue=1))
    await answers.begin("a")
    gone = await answers.begin("b")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await answers.begin("c")
    await answers.end("a")
    assert answers.going == ["c"]
    await answers.end("c")


async def test_no_limit() -> None:
    answers = Answers(turns(0, queue=0))
    for name in "abc":
        await answers.begin(name)
    assert answers.going == ["a", "b", "c"]
    for name in "abc":
        await answers.end(name)


async def test_no_queue() -> None:
    answers = Answers(turns(1, queue=0))
    await answers.begin("a")
    with pytest.raises(UpstreamRefused):
        await (await answers.begin("b"))
    await answers.end("a")
