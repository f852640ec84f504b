"""How the bytes of an upstream's body come: aiohttp's buffer, poured out as it fills."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from tidewire.models import connection
from tidewire.models.connection import pour


class Wire:
    """A body and the protocol that fills it, without a socket."""

    def __init__(self) -> None:
        self.protocol = Mock(connected=True, on_data=None, _reading_paused=False)
        self.protocol.pause_reading.side_effect = lambda: self._pause(True)
        self.protocol.resume_reading.side_effect = lambda **_: self._pause(False)
        self.body = aiohttp.StreamReader(self.protocol, limit=8, loop=asyncio.get_running_loop())
        self.body.__class__ = connection._Body

    def come(self, data: bytes, *, end: bool = False) -> None:
        """As the protocol does it, for one read of the socket."""
        if data:
            self.body.begin_http_chunk_receiving()
            self.body.feed_data(data)
            self.body.end_http_chunk_receiving()
        if end:
            self.body.feed_eof()
        if self.protocol.on_data is not None:
            self.protocol.on_data()

    def _pause(self, paused: bool) -> None:
        self.protocol._reading_paused = paused


class Taker:
    """Takes all it is given, until something of ``enough`` is in it."""

    def __init__(self, enough: bytes = b"\xff") -> None:
        self.taken: list[bytes] = []
        self._enough = enough

    def __call__(self, data: bytes) -> bool:
        self.taken.append(data)
        return self._enough in data


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def pouring(wire: Wire, take: Callable[[bytes], bool]) -> asyncio.Task[bool]:
    task = asyncio.create_task(pour(wire.body, take))
    await asyncio.sleep(0)
    return task


def test_the_aiohttp_of_the_lock_file_is_the_one_that_was_made_to_pour() -> None:
    assert connection._FITS


async def test_what_has_come_is_poured_at_once_and_what_comes_at_that_moment(wire: Wire) -> None:
    wire.come(b"data: ")
    wire.come(b"1\n\n")
    take = Taker()
    task = await pouring(wire, take)
    assert take.taken == [b"data: 1\n\n"]
    wire.come(b"data: 2\n\n")
    wire.come(b"data: 3\n\n")
    assert take.taken[1:] == [b"data: 2\n\n", b"data: 3\n\n"]  # no task has run since
    wire.come(b"last", end=True)
    assert await task
    assert take.taken[3:] == [b"last"]
    assert wire.protocol.on_data is None


async def test_who_has_enough_gets_the_rest_the_next_time(wire: Wire) -> None:
    take = Taker(enough=b"2")
    wire.come(b"1")
    task = await pouring(wire, take)
    wire.come(b"2")
    wire.come(b"3")
    assert not await task
    wire.come(b"4", end=True)
    assert take.taken == [b"1", b"2"]
    assert await pour(wire.body, take)
    assert take.taken == [b"1", b"2", b"34"]
    assert await pour(wire.body, take)


async def test_enough_of_what_had_come(wire: Wire) -> None:
    wire.come(b"1")
    assert not await pour(wire.body, Taker(enough=b"1"))
    assert wire.protocol.on_data is None


async def test_a_read_without_bytes_is_not_the_end(wire: Wire) -> None:
    take = Taker()
    task = await pouring(wire, take)
    wire.come(b"")
    await asyncio.sleep(0)
    assert not task.done() and not take.taken
    wire.come(b"", end=True)
    assert await task


@pytest.mark.parametrize("waiting", [False, True])
async def test_what_the_taker_raises_ends_the_pouring(wire: Wire, waiting: bool) -> None:
    def refuse(data: bytes) -> bool:
        raise ValueError(data)

    if not waiting:
        wire.come(b"1")
    task = await pouring(wire, refuse)
    if waiting:
        wire.come(b"1")
        wire.come(b"2")  # before the task has heard of it
    with pytest.raises(ValueError, match="1"):
        await task


async def test_a_broken_connection_breaks_it_after_what_had_come(wire: Wire) -> None:
    wire.come(b"last")
    wire.body.set_exception(aiohttp.ClientPayloadError("cut"))
    take = Taker()
    with pytest.raises(aiohttp.ClientPayloadError):
        await pour(wire.body, take)
    assert take.taken == [b"last"]


async def test_a_connection_that_breaks_wakes_who_waits(wire: Wire) -> None:
    task = await pouring(wire, Taker())
    wire.body.set_exception(aiohttp.ClientPayloadError("cut"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await task


async def test_leaving_lets_what_comes_wait(wire: Wire) -> None:
    take = Taker()
    task = await pouring(wire, take)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wire.come(b"later")
    assert take.taken == []
    assert await wire.body.readany() == b"later"


async def test_a_full_buffer_pauses_the_connection_until_it_is_taken(wire: Wire) -> None:
    wire.come(b"x" * 16)
    wire.protocol.pause_reading.assert_not_called()
    wire.come(b"x")
    wire.protocol.pause_reading.assert_called_once()
    take = Taker()
    task = await pouring(wire, take)
    assert take.taken == [b"x" * 17]
    wire.protocol.resume_reading.assert_called_once()
    wire.come(b"y" * 17)  # paused again, and resumed by the task
    assert take.taken[1:] == [b"y" * 17]
    await asyncio.sleep(0)
    assert wire.protocol.resume_reading.call_count == 2
    wire.come(b"z", end=True)
    assert await task


async def test_who_has_enough_leaves_a_full_buffer_paused(wire: Wire) -> None:
    task = await pouring(wire, Taker(enough=b"y"))
    wire.come(b"y" * 17)
    assert not await task
    wire.protocol.resume_reading.assert_not_called()
    task = await pouring(wire, Taker())
    wire.protocol.resume_reading.assert_called_once()
    task.cancel()


async def test_what_resuming_brings_is_poured(wire: Wire) -> None:
    """aiohttp's parser holds back what came behind a full buffer."""
    wire.come(b"x" * 17)
    wire.protocol.resume_reading.side_effect = lambda **_: (
        wire._pause(False),
        wire.body.feed_data(b"held back"),
    )
    take = Taker(enough=b"held")
    assert not await pour(wire.body, take)
    assert take.taken == [b"x" * 17, b"held back"]


async def test_reading_waits_for_what_comes(wire: Wire) -> None:
    reading = asyncio.ensure_future(wire.body.readany())
    await asyncio.sleep(0)
    wire.come(b"now", end=True)
    assert await reading == b"now"
    assert await wire.body.readany() == b""


@pytest.mark.parametrize("enough", [b"2", b"\xff"])
async def test_any_other_body_is_poured_as_well(enough: bytes) -> None:
    body = aiohttp.StreamReader(Mock(_reading_paused=False), 8, loop=asyncio.get_running_loop())
    take = Taker(enough)
    task = asyncio.create_task(pour(body, take))
    for data in (b"1", b"2"):
        body.feed_data(data)
        await asyncio.sleep(0)
    body.feed_eof()
    assert await task is (enough not in b"12")
    assert take.taken == [b"1", b"2"]


async def test_an_aiohttp_that_is_built_otherwise_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An older one has no ``_buffer_paused``: reading it broke every answer."""
    monkeypatch.setattr(connection, "_FITS", False)
    async with connection.Connector() as connector:
        assert type(connector._factory()) is ResponseHandler


def test_so_is_one_that_keeps_its_buffer_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp, "StreamReader", type("StreamReader", (), {}))
    assert not runpy.run_path(connection.__file__)["_FITS"]
