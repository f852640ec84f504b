"""The log's contract: who owns a stream, and how it is taken over."""

from __future__ import annotations

import pytest

from tests.contract.logs import Clock, events, read_all
from tidewire.errors import Fenced, StreamClosed, StreamGone, StreamNotFound
from tidewire.log.base import Leases, Log


@pytest.fixture
def leases(log: Log) -> Leases:
    assert isinstance(log, Leases)
    return log


async def test_a_stream_is_orphaned_when_the_lease_of_its_owner_ends(
    log: Log, leases: Leases, clock: Clock
) -> None:
    await leases.hold("me", 10)
    await log.create("mine", owner="me")
    await log.create("free")
    clock.now += 9
    assert await leases.orphans() == []
    clock.now += 2
    looks = [await leases.orphans() for _ in range(2)]
    assert looks[-1] == ["mine"]


async def test_a_lease_may_be_held_on(log: Log, leases: Leases, clock: Clock) -> None:
    await log.create("s", owner="me")
    for _ in range(5):
        await leases.hold("me", 10)
        clock.now += 9
        assert await leases.orphans() == []


async def test_an_owner_who_never_held_a_lease_is_dead(log: Log, leases: Leases) -> None:
    await log.create("s", owner="nobody")
    assert await leases.orphans() == ["s"]


async def test_closed_and_deleted_streams_are_no_orphans(log: Log, leases: Leases) -> None:
    for name in ("closed", "deleted", "open"):
        await log.create(name, owner="nobody")
    await log.append("closed", events("a"), close=True)
    await log.delete("deleted")
    assert await leases.orphans() == ["open"]


async def test_who_seizes_a_stream_fences_the_former_owner_out(log: Log, leases: Leases) -> None:
    made = await log.create("s", owner="dead")
    await log.append("s", events("a"), fence=made.fence)
    await leases.hold("heir", 10)
    fence = await leases.seize("s", "heir")
    assert fence > made.fence
    assert (await log.info("s")).fence == fence
    assert await leases.orphans() == []
    with pytest.raises(Fenced):
        await log.append("s", events("zombie"), fence=made.fence)
    assert await log.append("s", events("b"), close=True, fence=fence) == 2
    assert await read_all(log, "s") == ["a", "b"]


async def test_each_seizure_raises_the_fence(log: Log, leases: Leases) -> None:
    await log.create("s", owner="one")
    first, second = await leases.seize("s", "two"), await leases.seize("s", "two")
    assert second > first
    with pytest.raises(Fenced):
        await log.append("s", events("a"), fence=first)


async def test_what_was_appended_before_the_seizure_counts(log: Log, leases: Leases) -> None:
    made = await log.create("s", owner="one")
    appended = log.append("s", events("a"), fence=made.fence)
    await leases.seize("s", "two")
    assert await appended == 1


async def test_only_an_open_stream_can_be_seized(log: Log, leases: Leases) -> None:
    with pytest.raises(StreamNotFound):
        await leases.seize("s", "me")
    await log.create("s")
    await log.append("s", events("a"), close=True)
    with pytest.raises(StreamClosed):
        await leases.seize("s", "me")
    await log.delete("s")
    with pytest.raises(StreamGone):
        await leases.seize("s", "me")


async def test_create_does_not_change_the_owner(log: Log, leases: Leases) -> None:
    await leases.hold("me", 10)
    await log.create("s", owner="me")
    await log.create("s", owner="nobody")
    assert await leases.orphans() == []


@pytest.mark.parametrize("owner", ["", "../up", "a/b", ".", "x" * 65, "\ud800", "a\0"])
async def test_an_owner_may_not_be_called(log: Log, leases: Leases, owner: str) -> None:
    await log.create("s")
    with pytest.raises(ValueError):
        await leases.hold(owner, 1)
    with pytest.raises(ValueError):
        await leases.seize("s", owner)
    with pytest.raises(ValueError):
        await log.create("t", owner=owner)
