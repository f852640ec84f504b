"""Presence: what a room is told of who comes and goes. Servers share one log."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest

from tests.contract.logs import Clock
from tests.unit.live.scripted import turns
from tests.unit.runs.jumping_time import in_no_time
from tidewire.chat.attendance import GRACE_SECONDS, LEASE_SECONDS, MAX_PEOPLE
from tidewire.chat.folds import Folds
from tidewire.chat.people import People
from tidewire.chat.presence import ALIVE_SECONDS, LOOK_AGAIN_SECONDS, TICK_SECONDS, Presence
from tidewire.errors import LogUnavailable, RateLimited
from tidewire.live.channels import Channels
from tidewire.live.hub import Hub
from tidewire.log.memory import MemoryLog

ROOM = "room:lobby"


class Server:
    """The presence of one server on a log."""

    def __init__(self, log: MemoryLog, clock: Clock) -> None:
        self.presence = Presence(log, Channels(log, Hub(log)), Folds(log, People), clock=clock)
        self.clock = clock

    def connect(self, user: str) -> None:
        self.presence.connect(ROOM, user, user.title())

    def disconnect(self, user: str) -> None:
        self.presence.disconnect(ROOM, user)

    async def people(self) -> list[str]:
        return [person.user for person in await self.presence.people(ROOM)]


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryLog(clock=self.clock)
        self.servers: list[Server] = []

    def server(self) -> Server:
        self.servers.append(Server(self.log, self.clock))
        return self.servers[-1]

    async def pass_time(self, seconds: float) -> None:
        """Every server does, every second, what it would do."""
        for _ in range(max(1, round(seconds))):
            self.clock.now += seconds / max(1, round(seconds))
            for server in self.servers:
                await server.presence.tick()

    async def told(self) -> list[str]:
        """What viewers of the room saw: ``+ann``, ``-ann``."""
        events = (await self.log.read(f"channel/{ROOM}")).events
        signs = {"room.joined": "+", "room.left": "-"}
        return [signs[type] + json.loads(data)["user"] for type, data in events if type in signs]


@pytest.fixture
def world() -> World:
    return World()


# One server


async def test_who_connects_is_told_to_the_room(world: World) -> None:
    server = world.server()
    server.connect("ann")
    await server.presence.tick()
    (event,) = (await world.log.read(f"channel/{ROOM}")).events
    joined = json.loads(event.data)
    assert (event.type, joined["user"], joined["name"]) == ("room.joined", "ann", "Ann")
    assert joined["at"] == world.clock.now
    assert await server.people() == ["ann"]


@in_no_time
async def test_the_loop_tells_of_who_comes_at_once_and_of_who_left_when_it_is_time(
    world: World,
) -> None:
    server = world.server()
    await world.log.create(f"channel/{ROOM}")
    running = asyncio.create_task(server.presence.run())
    await asyncio.sleep(0)
    server.connect("ann")
    await turns(50)  # no time passes
    assert await world.told() == ["+ann"]
    server.disconnect("ann")
    world.clock.now += GRACE_SECONDS + 1
    await asyncio.sleep(TICK_SECONDS + 0.5)
    assert await world.told() == ["+ann", "-ann"]
    running.cancel()


async def test_a_visit_is_as_long_as_its_connection(world: World) -> None:
    server = world.server()
    visit = server.presence.visit(ROOM, "ann", "Ann")
    visit.begin()
    await world.pass_time(60)
    assert await world.told() == ["+ann"]
    visit.end()
    await world.pass_time(GRACE_SECONDS + 1)
    assert await world.told() == ["+ann", "-ann"]


async def test_tabs_join_once_and_the_last_one_leaves(world: World) -> None:
    server = world.server()
    server.connect("ann")
    server.connect("ann")
    await world.pass_time(1)
    server.disconnect("ann")
    await world.pass_time(60)
    assert await world.told() == ["+ann"]
    server.disconnect("ann")
    await world.pass_time(GRACE_SECONDS + 1)
    assert await world.told() == ["+ann", "-ann"]
    assert await server.people() == []


async def test_a_reload_is_not_told(world: World) -> None:
    server = world.server()
    server.connect("ann")
    await world.pass_time(1)
    for _ in range(5):
        server.disconnect("ann")
        await world.pass_time(GRACE_SECONDS - 1)
        server.connect("ann")
        await world.pass_time(60)
    assert await world.told() == ["+ann"]


async def test_a_lease_that_is_not_renewed_ends(world: World) -> None:
    server = world.server()
    await server.presence.renew(ROOM, "ann", "Ann")
    await world.pass_time(LEASE_SECONDS - 2)
    await server.presence.renew(ROOM, "ann", "Ann")
    await world.pass_time(LEASE_SECONDS - 2)
    assert await world.told() == ["+ann"]
    await world.pass_time(3)
    assert await world.told() == ["+ann", "-ann"]


async def test_a_lease_ends_in_time_though_somebody_looked_meanwhile(world: World) -> None:
    server = world.server()
    await server.presence.renew(ROOM, "ann", "Ann")
    await world.pass_time(LEASE_SECONDS - 2)
    assert await server.people() == ["ann"]
    await world.pass_time(3)
    assert await world.told() == ["+ann", "-ann"]


async def test_who_leaves_is_gone_at_once(world: World) -> None:
    server = world.server()
    await server.presence.renew(ROOM, "ann", "Ann")
    await server.presence.leave(ROOM, "ann")
    assert await world.told() == ["+ann", "-ann"]
    await server.presence.leave(ROOM, "ann")
    assert await world.told() == ["+ann", "-ann"]


async def test_people_are_listed_in_the_order_in_which_they_came(world: World) -> None:
    server = world.server()
    for user in ("cem", "ann", "bob"):
        await server.presence.renew(ROOM, user, user)
        await world.pass_time(1)
    assert await server.people() == ["cem", "ann", "bob"]


async def test_looking_into_a_room_does_not_make_it(world: World) -> None:
    server = world.server()
    assert await server.people() == []
    assert await world.log.streams("channel/") == []


async def test_a_full_room_says_so(world: World) -> None:
    server = world.server()
    for number in range(MAX_PEOPLE):
        server.connect(f"user{number}")
    assert not await server.presence.renew(ROOM, "late", "Late")
    visit = server.presence.visit(ROOM, "late", "Late")
    visit.begin()
    visit.end()


async def test_rooms_that_nobody_is_in_are_forgotten(world: World) -> None:
    server = world.server()
    for number in range(50):
        await server.presence.people(f"room:r{number}")
    server.connect("ann")
    await world.pass_time(1)
    assert len(server.presence._rooms) == 1
    server.disconnect("ann")
    await world.pass_time(GRACE_SECONDS + 2)
    assert not server.presence._rooms


async def test_what_cannot_be_told_now_is_told_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = world.server()
    server.connect("ann")
    with monkeypatch.context() as patch:

        async def refuse(*args: object, **options: object) -> None:
            raise LogUnavailable("away")

        patch.setattr(world.log, "create", refuse)
        await world.pass_time(3)
        assert await world.log.streams("channel/") == []
    await world.pass_time(2)
    assert await world.told() == ["+ann"]


async def test_what_a_busy_room_did_not_take_is_told_a_moment_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = world.server()
    server.connect("bob")
    await world.pass_time(1)
    server.connect("ann")
    with monkeypatch.context() as patch:

        def refuse(*args: object, **options: object) -> None:
            raise RateLimited("busy")

        patch.setattr(world.log, "append", refuse)
        await world.pass_time(1)
        assert await world.told() == ["+bob"]
    await world.pass_time(2)
    assert await world.told() == ["+bob", "+ann"]


# A server that dies


async def test_who_was_there_when_the_server_died_leaves(world: World) -> None:
    world.server().connect("ann")
    await world.pass_time(20)
    world.servers.clear()
    after = world.server()
    assert await after.people() == ["ann"]  # who may come back in a moment
    await world.pass_time(ALIVE_SECONDS + 3)
    assert await world.told() == ["+ann", "-ann"]
    assert await after.people() == []


async def test_who_comes_back_to_the_new_server_has_not_left(world: World) -> None:
    world.server().connect("ann")
    await world.pass_time(20)
    world.servers.clear()
    after = world.server()
    after.connect("ann")
    await world.pass_time(100)
    assert await world.told() == ["+ann"]
    assert await after.people() == ["ann"]


async def test_a_room_that_is_looked_into_much_later_is_empty_at_once(world: World) -> None:
    world.server().connect("ann")
    await world.pass_time(20)
    world.servers.clear()
    world.clock.now += 3600
    assert await world.server().people() == []
    assert await world.told() == ["+ann", "-ann"]


# Two servers


async def test_somebody_on_two_servers_leaves_with_the_last_one(world: World) -> None:
    first, second = world.server(), world.server()
    first.connect("ann")
    await world.pass_time(1)
    second.connect("ann")
    await world.pass_time(1)
    first.disconnect("ann")
    await world.pass_time(60)
    assert await world.told() == ["+ann"]
    assert await first.people() == await second.people() == ["ann"]
    second.disconnect("ann")
    await world.pass_time(GRACE_SECONDS + 2)
    assert await world.told() == ["+ann", "-ann"]


async def test_who_leaves_both_at_the_same_moment_leaves_once(world: World) -> None:
    first, second = world.server(), world.server()
    for server in world.servers:
        server.connect("ann")
        await world.pass_time(1)
    for server in world.servers:
        server.disconnect("ann")
    world.clock.now += GRACE_SECONDS
    await asyncio.gather(first.presence.tick(), second.presence.tick())
    await world.pass_time(LOOK_AGAIN_SECONDS)
    assert await world.told() == ["+ann", "-ann"]


async def test_who_comes_to_both_at_the_same_moment_comes_once(world: World) -> None:
    servers = world.server(), world.server()
    for _ in range(2):  # he comes back, too
        for server in servers:
            server.connect("ann")
        await asyncio.gather(*(server.presence.tick() for server in servers))
        for server in servers:
            assert await server.people() == ["ann"]
            server.disconnect("ann")
        await world.pass_time(GRACE_SECONDS + 1)
    assert await world.told() == ["+ann", "-ann"] * 2


async def test_the_people_of_the_other_server_stay_as_long_as_it_lives(world: World) -> None:
    first, second = world.server(), world.server()
    first.connect("ann")
    await world.pass_time(1)
    assert await second.people() == ["ann"]
    await world.pass_time(100)
    assert await world.told() == ["+ann"]
    world.servers.remove(first)
    await world.pass_time(ALIVE_SECONDS + 4)
    assert await world.told() == ["+ann", "-ann"]


async def test_who_has_just_come_is_there_for_the_other_server_too(world: World) -> None:
    first, second = world.server(), world.server()
    await first.presence.renew(ROOM, "ann", "Ann")
    assert await second.people() == ["ann"]
    assert await world.told() == ["+ann"]


async def test_two_servers_that_see_one_die_say_so_once(world: World) -> None:
    dying, first, second = world.server(), world.server(), world.server()
    dying.connect("ann")
    await world.pass_time(1)
    for server in (first, second):
        assert await server.people() == ["ann"]
    world.servers.remove(dying)
    world.clock.now += ALIVE_SECONDS
    await asyncio.gather(first.presence.tick(), second.presence.tick())
    assert await world.told() == ["+ann", "-ann"]


async def test_a_server_that_slept_brings_its_people_back(world: World) -> None:
    asleep, awake = world.server(), world.server()
    asleep.connect("ann")
    await world.pass_time(1)
    assert await awake.people() == ["ann"]
    world.servers.remove(asleep)
    await world.pass_time(ALIVE_SECONDS + 4)
    world.servers.append(asleep)
    await world.pass_time(LOOK_AGAIN_SECONDS + 1)
    assert await world.told() == ["+ann", "-ann", "+ann"]


# Whatever happens


@pytest.mark.parametrize("seed", range(20))
async def test_in_the_end_the_room_says_who_is_there(world: World, seed: int) -> None:
    """Tabs open and close on two servers, which die and are replaced."""
    chance = random.Random(seed)
    tabs: dict[Server, Counter[str]] = {world.server(): Counter(), world.server(): Counter()}
    for _ in range(150):
        server, user = chance.choice(list(tabs)), chance.choice(["ann", "bob", "cem"])
        match chance.choice(["open", "close", "close", "wait", "wait", "die"]):
            case "open":
                server.connect(user)
                tabs[server][user] += 1
            case "close" if tabs[server][user]:
                server.disconnect(user)
                tabs[server][user] -= 1
            case "wait":
                await world.pass_time(chance.randrange(1, 8))
            case "die" if chance.random() < 0.2:
                world.servers.remove(server)
                del tabs[server]
                tabs[world.server()] = Counter()
    await world.pass_time(2 * LOOK_AGAIN_SECONDS)
    there = {user for opened in tabs.values() for user in +opened}
    for server in tabs:
        assert set(await server.people()) == there
    told = await world.told()
    for user in ("ann", "bob", "cem"):
        signs = "".join(each[0] for each in told if each[1:] == user)
        assert signs == ("+-" * len(signs))[: len(signs)], "joined and left take turns"
        assert signs.endswith("+") is (user in there)
