"""Who was told what, and what of it was read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.contract.logs import Clock
from tidewire.chat.notifications import (
    NOTIFICATION_RULES,
    Draft,
    Notifications,
)
from tidewire.errors import BadRequest, RequestTooLarge
from tidewire.live.channels import ChannelRule, Channels
from tidewire.live.hub import Hub
from tidewire.log.memory import MemoryLog
from tidewire.wire.depth import MAX_DEPTH


class World:
    """A log that outlives the process in front of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryLog(clock=self.clock)
        self.rules: tuple[ChannelRule, ...] = NOTIFICATION_RULES
        self.restart()

    def restart(self) -> None:
        channels = Channels(self.log, Hub(self.log), self.rules)
        self.notifications = Notifications(self.log, channels, clock=self.clock)

    async def tell(self, user: str, *titles: str) -> list[str]:
        """Their ids; a moment passes after each."""
        ids = []
        for title in titles:
            self.clock.now += 1
            ids.append((await self.notifications.notify(user, Draft(title))).id)
        return ids

    async def tell_all(self, *titles: str) -> list[str]:
        ids = []
        for title in titles:
            self.clock.now += 1
            ids.append((await self.notifications.broadcast(Draft(title))).id)
        return ids

    async def listed(self, user: str, *, unread_only: bool = False) -> tuple[str, int]:
        """Titles, newest first, those that were read in brackets; and the unread count."""
        listed = await self.notifications.list(user, unread_only=unread_only)
        shown = [f"({n.title})" if n.read else n.title for n in listed.notifications]
        return " ".join(shown), listed.unread


@pytest.fixture
def world() -> World:
    return World()


async def test_what_one_person_and_all_are_told_is_one_list(world: World) -> None:
    await world.tell("ann", "a")
    await world.tell_all("b")
    await world.tell("ann", "c")
    await world.tell("bob", "other")
    assert await world.listed("ann") == ("c b a", 3)


async def test_a_notification_keeps_what_it_was_given(world: World) -> None:
    more: dict[str, Any] = {"body": "text", "link": "/x", "data": {"n": [1, None]}}
    sent = await world.notifications.notify("ann", Draft("title", **more))
    (shown,) = (await world.notifications.list("ann")).notifications
    assert (shown.id, shown.title, shown.to, shown.read) == (sent.id, "title", "user", False)
    assert {name: getattr(shown, name) for name in more} == more
    event = (await world.log.read("channel/user:ann")).events[-1]
    assert event.type == "notification"
    assert json.loads(event.data) == {
        "id": sent.id, "title": "title", "at": world.clock.now, **more
    }  # fmt: skip


async def test_some_are_read(world: World) -> None:
    a, _, _ = await world.tell("ann", "a", "b", "c")
    (broadcast,) = await world.tell_all("d")
    assert await world.notifications.mark("ann", [a, broadcast, "unknown"]) == 2
    assert await world.listed("ann") == ("(d) c b (a)", 2)
    assert await world.listed("ann", unread_only=True) == ("c b", 2)


async def test_all_are_read_but_not_what_comes_after(world: World) -> None:
    await world.tell("ann", "a")
    await world.tell_all("b")
    assert await world.notifications.mark("ann", None) == 0
    await world.tell_all("c")
    assert await world.listed("ann") == ("c (b) (a)", 1)


async def test_what_one_has_read_others_have_not(world: World) -> None:
    await world.notifications.list("bob")
    await world.notifications.list("ann")
    await world.tell_all("a")
    await world.notifications.mark("ann", None)
    assert await world.listed("ann") == ("(a)", 0)
    assert await world.listed("bob") == ("a", 1)


async def test_reading_is_told_once(world: World) -> None:
    a, b = await world.tell("ann", "a", "b")
    for _ in range(2):
        assert await world.notifications.mark("ann", [a]) == 1
    events = [e for e in (await world.log.read("channel/user:ann")).events if "read" in e.type]
    assert [(e.type, json.loads(e.data)) for e in events] == [
        ("notification.read", {"ids": [a], "unread": 1, "at": world.clock.now})
    ]
    assert await world.notifications.mark("ann", [b]) == 0


async def test_a_restart_changes_nothing(world: World) -> None:
    a, *_ = await world.tell("ann", "a", "b")
    await world.tell_all("c")
    await world.notifications.mark("ann", [a])
    before = await world.listed("ann")
    world.restart()
    assert await world.listed("ann") == before == ("c b (a)", 2)


async def test_broadcasts_count_from_the_first_contact_on(world: World) -> None:
    await world.tell_all("before")
    assert await world.listed("ann") == ("", 0)
    await world.tell_all("after")
    assert await world.listed("ann") == ("after", 1)
    await world.tell("bob", "hello")
    await world.tell_all("later")
    assert await world.listed("bob") == ("later hello", 2)
    world.restart()
    assert await world.listed("ann") == ("later after", 2)


async def test_broadcasts_of_another_incarnation_count_from_its_first_on(world: World) -> None:
    await world.tell_all("a", "b", "c")
    assert await world.listed("ann") == ("", 0)
    await world.log.delete("channel/everyone")
    await world.tell_all("anew")
    assert await world.listed("ann") == ("anew", 1)


async def test_the_same_key_tells_once(world: World) -> None:
    tell = world.notifications.notify
    first = await tell("ann", Draft("a"), sender="bob", key="k")
    assert await tell("ann", Draft("a"), sender="bob", key="k") == first
    await tell("ann", Draft("b"), sender="cem", key="k")
    broadcast = await world.notifications.broadcast(Draft("c"), sender="bob", key="k")
    assert broadcast.id != first.id
    assert (await world.listed("ann"))[1] == 3


@pytest.mark.parametrize("age", ["count", "time"])
async def test_what_is_not_kept_is_neither_listed_nor_counted(world: World, age: str) -> None:
    world.rules = (ChannelRule("user:*", max_events=10), *NOTIFICATION_RULES)
    world.restart()
    await world.tell("ann", *map(str, range(30)))
    if age == "time":
        world.clock.now += 31 * 86400
        await world.log.expire(closed_before_seconds=1)
    shown = await world.listed("ann")
    assert shown[1] == len(shown[0].split())
    assert shown[1] in ((0,) if age == "time" else (10, 11))  # trimming is lazy
    world.restart()
    assert await world.listed("ann") == shown


async def test_after_so_many_of_his_own_it_is_forgotten_when_somebody_came(world: World) -> None:
    """An old process and a new one say the same, in this case too."""
    world.rules = (ChannelRule("user:*", max_events=10), *NOTIFICATION_RULES)
    world.restart()
    await world.tell_all("before")
    await world.tell("ann", *map(str, range(30)))
    shown = await world.listed("ann")
    assert shown[0].endswith(" before")
    world.restart()
    assert await world.listed("ann") == shown


async def test_who_was_away_for_longer_than_things_are_kept_is_told_what_there_is(
    world: World,
) -> None:
    await world.tell("ann", "old")
    world.clock.now += 29 * 86400
    await world.tell_all("recent")
    world.clock.now += 2 * 86400
    await world.log.expire(closed_before_seconds=1)
    assert await world.listed("ann") == ("recent", 1)
    world.restart()
    assert await world.listed("ann") == ("recent", 1)


async def test_a_subscription_begins_with_what_is_unread(world: World) -> None:
    a, b, _ = await world.tell("ann", "a", "b", "c")
    await world.notifications.mark("ann", [a])
    (own, own_start), (everyone, everyone_start) = await world.notifications.starts("ann")
    assert (own.name, everyone.name) == ("channel/user:ann", "channel/everyone")
    events = (await world.log.read(own.name, own_start.offset)).events
    assert json.loads(events[0].data)["id"] == b
    assert everyone_start.offset == everyone.head
    await world.notifications.mark("ann", None)
    (own, own_start), _ = await world.notifications.starts("ann")
    assert own_start.offset == own.head


async def test_the_list_says_where_a_subscription_goes_on(world: World) -> None:
    await world.tell("ann", "a")
    listed = await world.notifications.list("ann")
    own, everyone = [stream for stream, _ in await world.notifications.starts("ann")]
    assert listed.cursor == f"{own.epoch}-2.{everyone.epoch}-0"


def nested(depth: int) -> list[object]:
    data: list[object] = []
    for _ in range(depth):
        data = [data]
    return data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("x" * 16_383, RequestTooLarge),
        ("\ud800", BadRequest),
        (nested(100_000), BadRequest),
        (nested(MAX_DEPTH), BadRequest),
        ({"a": [{"b": nested(MAX_DEPTH - 3)}]}, BadRequest),
    ],
    ids=["too large", "half a character", "too deep", "deeper than is kept", "by objects, too"],
)
async def test_data_that_could_not_be_stored_or_read_is_refused(
    world: World, data: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.notifications.notify("ann", Draft("a", data=data))
    await world.notifications.notify("ann", Draft("b", data="x" * 16_382))
    await world.notifications.notify("ann", Draft("c", data=nested(MAX_DEPTH - 1)))
    assert await world.listed("ann") == ("b c", 2)


async def reads(world: World) -> list[dict[str, Any]]:
    events = (await world.log.read("channel/user:ann")).events
    return [json.loads(event.data) for event in events if event.type == "notification.read"]


async def test_what_tabs_mark_at_the_same_moment_is_told_once_and_counted(world: World) -> None:
    a, b, c, d = await world.tell("ann", "a", "b", "c", "d")
    mark = world.notifications.mark
    lefts = await asyncio.gather(mark("ann", [a]), mark("ann", [a, b]), mark("ann", [b, c]))
    assert lefts[-1] == 1
    told = await reads(world)
    assert [read["ids"] for read in told] == [[a], [b], [c]]
    assert [read["unread"] for read in told] == [3, 2, 1]
    assert await world.listed("ann", unread_only=True) == ("d", 1)


async def test_what_servers_mark_at_the_same_moment_is_told_once_and_counted(world: World) -> None:
    ids = await world.tell("ann", *"abcdef")
    servers = [world.notifications]
    for _ in range(2):
        world.restart()
        servers.append(world.notifications)
    for n in (0, 3):
        await asyncio.gather(*(s.mark("ann", ids[n : n + 2]) for s in servers))
        await asyncio.gather(*(s.mark("ann", [ids[n + 2]]) for s in servers))
    told = await reads(world)
    assert sorted(id for read in told for id in read["ids"]) == sorted(ids)
    assert told[-1]["unread"] == 0


async def test_the_count_goes_on_by_what_is_told(world: World) -> None:
    await world.tell("ann", "a", "b")
    count = (await world.notifications.list("ann")).unread
    mark, tell, tell_all = world.notifications.mark, world.tell, world.tell_all
    await asyncio.gather(mark("ann", None), tell("ann", "c", "d"), tell_all("e"), mark("ann", None))
    count += 3 - sum(len(read["ids"]) for read in await reads(world))
    assert (await world.notifications.list("ann")).unread == count


async def test_all_is_what_there_was_when_it_was_said(world: World) -> None:
    await world.tell("ann", "a")

    async def tell_more(*given: Any, **more: Any) -> Any:
        channels.publish = publish  # type: ignore[method-assign]
        await world.tell("ann", "b")
        return await publish(*given, **more)

    channels = world.notifications._channels
    publish, channels.publish = channels.publish, tell_more  # type: ignore[method-assign]
    assert await world.notifications.mark("ann", None) == 1
    assert await world.listed("ann") == ("b (a)", 1)
