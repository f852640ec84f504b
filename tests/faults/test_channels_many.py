"""A thousand channels, ten viewers of each, and everything that can happen to them.

Connections are cut at random bytes, sets are changed while events flow, the server is
killed in the middle and comes back. What was acknowledged is what everybody has seen.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial

import httpx

from tests.faults.conftest import Serve
from tests.faults.follower import Follower, Publisher
from tests.faults.server_process import ServerProcess

CHANNELS = 1000
PER_CONNECTION = (100, *[40] * 9)
"""How many channels a connection of each of the ten readers carries."""
ROUNDS = 3
CHANGERS = 20
RATES = '[[channels]]\npattern = "*"\nmax_publishes_per_second = 100000\n'


async def test_everybody_sees_exactly_what_was_published(serve: Serve) -> None:
    dice = random.Random(18)
    server = await serve(RATES)
    names = [f"c{number}" for number in range(CHANNELS)]
    followers = [
        Follower(*group) for size in PER_CONNECTION for group in _groups(dice, names, size)
    ]
    changers = dice.sample(followers, CHANGERS)
    async with Publisher([server.port]) as publisher, asyncio.timeout(55):
        async with asyncio.TaskGroup() as tasks:
            for number, follower in enumerate(followers):
                cut = partial(random.Random(number).randrange, 20_000, 300_000)
                enough = partial(follower.has_all, ROUNDS)
                tasks.create_task(follower.follow([server.port], enough, cut_after_bytes=cut))
            await asyncio.gather(*(follower.is_open.wait() for follower in followers))
            for number, changer in enumerate(changers):
                other = next(name for name in names[number:] if name not in changer.names)
                tasks.create_task(_change(server, changer, add=other, remove=changer.names[0]))
            for each_round in range(ROUNDS):
                if each_round == 1:
                    tasks.create_task(_kill_and_restart(server))
                await _publish_all(publisher, names)
    assert sum(follower.connections for follower in followers) > len(followers) * 2
    for follower in followers:
        assert follower.has_all(ROUNDS) and not follower.resets
        assert max(follower.got.values()) == ROUNDS
    for changer in changers:
        assert changer.cursor.endswith(".~")


def _groups(dice: random.Random, names: list[str], size: int) -> list[list[str]]:
    names = dice.sample(names, len(names))
    return [names[at : at + size] for at in range(0, len(names), size)]


async def _publish_all(publisher: Publisher, names: list[str]) -> None:
    """One event in each channel, a few at a time."""
    for at in range(0, len(names), 16):
        await asyncio.gather(*map(publisher.publish, names[at : at + 16]))


async def _kill_and_restart(server: ServerProcess) -> None:
    await asyncio.sleep(0.2)  # in the middle of a round
    await server.kill()
    await server.start()


async def _change(server: ServerProcess, changer: Follower, *, add: str, remove: str) -> None:
    """Until the change is in the cursor: what is lost with its connection is asked for again."""
    changer.change(add=add, remove=remove)
    while not changer.cursor.endswith(".~"):
        await changer.is_open.wait()
        try:
            target = f"/api/events/{changer.connection_id}"
            response = await server.patch(target, json={"add": [add], "remove": [remove]})
            assert response.status_code in (200, 404), response.text
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
