"""The two ways out: pause, resume, loss, and the end of a peer that takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tests.unit.runs.jumping_time import in_no_time
from tidewire.live.sinks import MAX_PENDING_BYTES, STALLED_SECONDS, AsgiSink, DirectSink


class Heard:
    """A viewer that remembers what it heard."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def paused(self) -> None:
        self.words.append("paused")

    def resumed(self) -> None:
        self.words.append("resumed")

    def gone(self) -> None:
        self.words.append("gone")


class Transport:
    """A DirectTransport that sends nothing by itself."""

    def __init__(self) -> None:
        self.sink: DirectSink | None = None
        self.pending = 0
        self.aborted_at: float | None = None

    def attach(self, sink: DirectSink) -> None:
        self.sink = sink

    def detach(self) -> None:
        self.sink = None

    @property
    def socket(self) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.pending += len(data)

    def pending_bytes(self) -> int:
        return self.pending

    def abort(self) -> None:
        self.aborted_at = asyncio.get_running_loop().time()
        assert self.sink is not None
        self.sink.lose()


@in_no_time
async def test_direct_a_peer_that_takes_nothing_is_closed() -> None:
    transport, heard = Transport(), Heard()
    sink = DirectSink(transport)
    sink.viewer = heard
    sink.write(b"x" * 70_000)
    await asyncio.sleep(100)
    sink.pause()
    await asyncio.sleep(STALLED_SECONDS - 1)
    assert transport.aborted_at is None
    await asyncio.sleep(2)
    assert transport.aborted_at == 100 + STALLED_SECONDS
    assert heard.words == ["paused", "gone"]


@in_no_time
async def test_direct_a_peer_that_reads_slowly_may_go_on() -> None:
    transport = Transport()
    sink = DirectSink(transport)
    sink.write(b"x" * 70_000)
    sink.pause()
    for _ in range(20):
        await asyncio.sleep(STALLED_SECONDS / 2)
        transport.pending -= 1000
    assert transport.aborted_at is None
    await asyncio.sleep(2 * STALLED_SECONDS + 1)
    assert transport.aborted_at is not None


@in_no_time
async def test_direct_a_peer_that_reads_again_is_left_alone() -> None:
    transport, heard = Transport(), Heard()
    sink = DirectSink(transport)
    sink.viewer = heard
    sink.pause()
    await asyncio.sleep(STALLED_SECONDS - 1)
    sink.resume()
    await asyncio.sleep(10 * STALLED_SECONDS)
    assert transport.aborted_at is None
    assert heard.words == ["paused", "resumed"]


@in_no_time
async def test_direct_nothing_is_written_to_who_is_gone() -> None:
    transport, heard = Transport(), Heard()
    sink = DirectSink(transport)
    sink.viewer = heard
    sink.lose()
    sink.lose()
    sink.write(b"late")
    assert transport.pending == 0
    assert heard.words == ["gone"]


class Peer:
    """The other side of an AsgiSink: takes what it is sent once ``reads`` is set."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()
        self.body = b""
        self.fault: Exception | None = None

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        if self.fault is not None:
            raise self.fault
        self.body += message["body"]


@asynccontextmanager
async def opened(peer: Peer, heard: Heard) -> AsyncGenerator[AsgiSink, None]:
    async with AsgiSink(peer.receive, peer.send) as sink:  # type: ignore[arg-type]
        sink.viewer = heard
        yield sink


@in_no_time
async def test_asgi_sends_in_order_and_what_is_left_at_the_end() -> None:
    peer, heard = Peer(), Heard()
    async with opened(peer, heard) as sink:
        sink.write(b"one ")
        sink.write(b"two ")
        await asyncio.sleep(1)
        assert peer.body == b"one two "
        sink.write(b"three")
    assert peer.body == b"one two three"
    assert heard.words == []


@in_no_time
async def test_asgi_pauses_over_its_bound_and_resumes() -> None:
    peer, heard = Peer(), Heard()
    async with opened(peer, heard) as sink:
        peer.reads.clear()
        await asyncio.sleep(1)
        sink.write(b"x" * MAX_PENDING_BYTES)
        assert heard.words == []
        sink.write(b"x")
        assert heard.words == ["paused"] and sink.is_paused
        peer.reads.set()
        await asyncio.sleep(1)
        assert heard.words == ["paused", "resumed"] and not sink.is_paused
    assert len(peer.body) == MAX_PENDING_BYTES + 1


@in_no_time
async def test_asgi_a_peer_that_takes_nothing_is_given_up() -> None:
    peer, heard = Peer(), Heard()
    async with opened(peer, heard) as sink:
        peer.reads.clear()
        sink.write(b"x" * 100_000)
        await asyncio.sleep(STALLED_SECONDS - 1)
        assert heard.words == ["paused"]
        await asyncio.sleep(2)
        assert heard.words == ["paused", "gone"] and sink.is_gone


@in_no_time
async def test_asgi_hears_of_a_disconnect_and_of_a_broken_send() -> None:
    """The specification names OSError; uvicorn does not keep to it where requests are pipelined."""
    for fault in (None, OSError(), RuntimeError("Unexpected ASGI message")):
        peer, heard = Peer(), Heard()
        async with opened(peer, heard) as sink:
            if fault is None:
                peer.left.set()
            else:
                peer.fault = fault
                sink.write(b"x")
            await asyncio.sleep(1)
            assert heard.words == ["gone"]
            sink.write(b"late")
        assert peer.body == b""
