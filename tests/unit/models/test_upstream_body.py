"""How the bytes of an upstream's body are read: aiohttp's buffer, made lighter."""

from __future__ import annotations

import asyncio
import runpy
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from tidewire.models import upstream


@pytest.fixture
async def body() -> aiohttp.StreamReader:
    protocol = Mock(connected=True, _reading_paused=False)  # which an older aiohttp asks
    body = aiohttp.StreamReader(protocol, limit=8, loop=asyncio.get_running_loop())
    body.__class__ = upstream._Body
    return body


def test_the_aiohttp_of_the_lock_file_is_the_one_that_was_made_lighter() -> None:
    assert upstream._FITS


async def test_what_has_come_is_read_at_once_and_whole(body: aiohttp.StreamReader) -> None:
    for chunk in (b"data: ", b"1\n\n"):
        body.begin_http_chunk_receiving()
        body.feed_data(chunk)
        body.end_http_chunk_receiving()
    assert await body.readany() == b"data: 1\n\n"
    assert not body.at_eof()
    body.feed_data(b"last")
    body.feed_eof()
    assert await body.readany() == b"last"
    assert body.at_eof()
    assert await body.readany() == b""


async def test_a_reader_waits_for_what_comes(body: aiohttp.StreamReader) -> None:
    reading = asyncio.ensure_future(body.readany())
    await asyncio.sleep(0)
    assert not reading.done()
    body.feed_data(b"now")
    assert await reading == b"now"


async def test_a_chunk_of_nothing_is_not_the_end(body: aiohttp.StreamReader) -> None:
    reading = asyncio.ensure_future(body.readany())
    await asyncio.sleep(0)
    body.feed_data(b"")
    await asyncio.sleep(0)
    assert not reading.done()
    body.feed_data(b"more")
    assert await reading == b"more"


async def test_a_broken_connection_breaks_the_read_before_what_is_left(
    body: aiohttp.StreamReader,
) -> None:
    waiting = asyncio.ensure_future(body.readany())
    await asyncio.sleep(0)
    body.set_exception(aiohttp.ClientPayloadError("cut"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await waiting
    with pytest.raises(aiohttp.ClientPayloadError):
        await body.readany()


async def test_a_full_buffer_pauses_the_connection_until_it_is_read(
    body: aiohttp.StreamReader,
) -> None:
    protocol = body._protocol
    body.feed_data(b"x" * 16)
    protocol.pause_reading.assert_not_called()
    body.feed_data(b"x")
    protocol.pause_reading.assert_called_once()
    assert await body.readany() == b"x" * 17
    protocol.resume_reading.assert_called()
    body.feed_data(b"x" * 16)
    protocol.pause_reading.assert_called_once()


async def test_an_aiohttp_that_is_built_otherwise_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An older one has no ``_buffer_paused``: reading it broke every answer."""
    monkeypatch.setattr(upstream, "_FITS", False)
    async with upstream._Connector(limit=0) as connector:
        assert type(connector._factory()) is ResponseHandler


def test_so_is_one_that_keeps_its_buffer_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp, "StreamReader", type("StreamReader", (), {}))
    assert not runpy.run_path(upstream.__file__)["_FITS"]
