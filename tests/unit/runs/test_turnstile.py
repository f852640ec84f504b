"""One in each turn of the loop."""

from __future__ import annotations

import asyncio

from tidewire.runs.turnstile import Turnstile


class Visitors:
    """Come to a turnstile at once; ``inside`` is who has passed, by number."""

    def __init__(self, many: int) -> None:
        self.turnstile = Turnstile()
        self.inside: list[int] = []
        self.tasks = [asyncio.create_task(self._come(number)) for number in range(many)]

    async def _come(self, number: int) -> None:
        await self.turnstile.enter()
        self.inside.append(number)

    async def after_turns(self, turns: int) -> list[int]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return self.inside


async def test_one_passes_in_each_turn_in_the_order_of_coming() -> None:
    visitors = Visitors(20)
    assert await visitors.after_turns(1) == [0]
    assert len(await visitors.after_turns(6)) <= 7
    await asyncio.gather(*visitors.tasks)
    assert visitors.inside == list(range(20))


async def test_who_comes_alone_waits_for_nothing() -> None:
    turnstile = Turnstile()
    for _ in range(3):
        entering = turnstile.enter()
        try:
            entering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_has_left_takes_nobodys_turn() -> None:
    visitors = Visitors(4)
    await visitors.after_turns(1)
    visitors.tasks[1].cancel()
    visitors.tasks[2].cancel()
    await visitors.after_turns(3)
    assert visitors.inside == [0, 3]
