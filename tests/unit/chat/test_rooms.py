"""What is said in a room, and its history, page by page."""

from __future__ import annotations

import json

import pytest

from tests.contract.logs import Clock
from tidewire.chat.folds import Folds
from tidewire.chat.people import People
from tidewire.chat.rooms import WINDOW, Rooms
from tidewire.errors import BadRequest, InvalidCursor, NotFound, RateLimited, StreamNotFound
from tidewire.live.channels import Channels
from tidewire.live.hub import Hub
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event

STREAM = "channel/room:lobby"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def rooms(log: MemoryLog) -> Rooms:
    hub = Hub(log)
    return Rooms(log, hub, Channels(log, hub), Folds(log, People), clock=Clock())


async def pages(rooms: Rooms, limit: int) -> list[list[str]]:
    """All of the history, from its end to its start."""
    found = []
    before = None
    while True:
        page = await rooms.history("lobby", before=before, limit=limit)
        found.append([message.text or "" for message in page.messages])
        if page.before is None:
            return found
        before = page.before


async def test_a_message_is_an_event_of_the_room(rooms: Rooms, log: MemoryLog) -> None:
    posted = await rooms.post("lobby", "ann", "Ann", "hello", client_id="c1")
    (event,) = (await log.read(STREAM)).events
    assert event.type == "room.message"
    assert json.loads(event.data) == {
        "id": posted.id,
        "user": "ann",
        "name": "Ann",
        "text": "hello",
        "at": Clock().now,
        "client_id": "c1",
    }
    assert posted.cursor == f"{(await log.info(STREAM)).epoch}-1"


async def test_the_same_key_of_the_same_person_says_it_once(rooms: Rooms, log: MemoryLog) -> None:
    first = await rooms.post("lobby", "ann", "Ann", "hello", key="k")
    again = await rooms.post("lobby", "ann", "Ann", "hello", key="k")
    other = await rooms.post("lobby", "bob", "Bob", "hello", key="k")
    assert first == again
    assert other.id != first.id
    assert (await log.info(STREAM)).head == 2


async def test_who_writes_too_often_is_slowed_down_alone(rooms: Rooms) -> None:
    with pytest.raises(RateLimited):
        for _ in range(21):
            await rooms.post("lobby", "ann", "Ann", "spam")
    await rooms.post("lobby", "bob", "Bob", "hello")
    await rooms.post("other", "ann", "Ann", "hello")


async def test_hints_have_a_limit_of_their_own(rooms: Rooms) -> None:
    with pytest.raises(RateLimited):
        for _ in range(6):
            rooms.hint("lobby", "ann", "Ann")
    await rooms.post("lobby", "ann", "Ann", "hello")


async def test_a_new_room_has_no_history(rooms: Rooms) -> None:
    page = await rooms.history("lobby")
    assert (page.messages, page.before) == ([], None)


async def fill(rooms: Rooms, log: MemoryLog, count: int, *, between: int = 0) -> None:
    """Messages with other events between them."""
    joined = '{"user":"x","name":"x","at":1,"server":"s"}'
    for number in range(count):
        await rooms.post("lobby", f"user{number}", "x", str(number))
        await log.append(STREAM, [Event("room.joined", joined)] * between)


@pytest.mark.parametrize("between", [0, 1, WINDOW - 1, WINDOW, WINDOW + 1])
async def test_pages_come_newest_first_each_in_its_order(
    rooms: Rooms, log: MemoryLog, between: int
) -> None:
    await fill(rooms, log, 7, between=between)
    assert await pages(rooms, 3) == [["4", "5", "6"], ["1", "2", "3"], ["0"]]
    assert await pages(rooms, 7) == [["0", "1", "2", "3", "4", "5", "6"]]


async def test_a_page_can_be_longer_than_one_read_of_the_log(rooms: Rooms) -> None:
    for number in range(60):
        await rooms.post("lobby", f"user{number}", "x", f"{number} " + "x" * 7000)
    page = await rooms.history("lobby", limit=60)
    assert [(m.text or "").split()[0] for m in page.messages] == [str(n) for n in range(60)]


async def test_where_the_history_ends_a_subscription_goes_on(rooms: Rooms, log: MemoryLog) -> None:
    await fill(rooms, log, 3)
    assert (await rooms.history("lobby")).cursor == f"{(await log.info(STREAM)).epoch}-3"


async def test_before_is_a_cursor_of_this_room(rooms: Rooms) -> None:
    await rooms.post("lobby", "ann", "Ann", "hello")
    other = await rooms.post("other", "ann", "Ann", "hello")
    with pytest.raises(BadRequest):
        await rooms.history("lobby", before=other.cursor)
    with pytest.raises(InvalidCursor):
        await rooms.history("lobby", before="?")


async def test_of_a_deleted_message_the_history_keeps_that_it_was_there(
    rooms: Rooms, log: MemoryLog
) -> None:
    await rooms.post("lobby", "ann", "Ann", "good")
    bad = await rooms.post("lobby", "bob", "Bob", "bad")
    await fill(rooms, log, 3, between=WINDOW)
    await rooms.delete("lobby", bad.id, "mod")
    await rooms.delete("lobby", bad.id, "mod")
    good, gone, *_ = (await rooms.history("lobby")).messages
    assert (good.text, good.deleted) == ("good", False)
    assert (gone.id, gone.user, gone.text, gone.deleted) == (bad.id, "bob", None, True)
    after_all = (await log.info(STREAM)).head - 2
    told = [event.type for event in (await log.read(STREAM, after_all)).events]
    assert told == ["room.joined", "room.deleted"]


async def test_what_was_never_said_cannot_be_deleted(rooms: Rooms) -> None:
    await rooms.post("lobby", "ann", "Ann", "hello")
    with pytest.raises(NotFound):
        await rooms.delete("lobby", "unknown", "mod")
    with pytest.raises(StreamNotFound):
        await rooms.delete("nowhere", "unknown", "mod")
