"""A connection of ours, over a real socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tests.unit.runs.jumping_time import in_no_time
from tidewire import Tidewire
from tidewire.errors import UpstreamUnreachable
from tidewire.live.sinks import EXTENSION, STALLED_SECONDS, DirectSink
from tidewire.server.protocol import TidewireProtocol


async def _tell_limit(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose body is the kernel's limit on its connection, in milliseconds."""
    transport = scope["extensions"][EXTENSION]["transport"].transport
    sock = transport.get_extra_info("socket")
    body = b"%d" % sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def _ask(
    app: Any, *, method: str = "GET", version: str = "1.1", is_over_tls: bool = False
) -> bytes:
    """All that the app's server writes to a connection with one request."""
    loop = asyncio.get_running_loop()
    ours, theirs = _tls() if is_over_tls else (None, None)
    server = await loop.create_server(_protocols(app), "127.0.0.1", 0, ssl=ours)
    where = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*where, ssl=theirs)
    writer.write(f"{method} / HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    server.close()
    await asyncio.gather(writer.wait_closed(), server.wait_closed())
    return answer


def _protocols(app: Any) -> Callable[[], TidewireProtocol]:
    """What makes the protocol of each connection to the app."""
    config = uvicorn.Config(app, http=TidewireProtocol, log_config=None)
    config.load()
    return lambda: TidewireProtocol(config, ServerState(), {})


def _tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and one that trusts it."""
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs = ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)
    return ours, theirs


async def test_the_kernel_drops_a_peer_that_acknowledges_nothing() -> None:
    answer = await _ask(_tell_limit)
    assert answer.endswith(b"\r\n\r\n%d" % (STALLED_SECONDS * 1000))


async def test_a_middleware_that_keeps_the_head_to_itself_gets_the_body_as_well() -> None:
    tide = Tidewire()
    app = FastAPI()

    @app.get("/")
    async def answer(request: Request) -> Response:
        return tide.respond(request, await tide.start(_words()))

    @app.middleware("http")
    async def sign(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["X-Signed"] = "yes"
        return response

    head, _, body = (await _ask(app)).partition(b"\r\n\r\n")
    await tide.runs.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nx-signed: yes" in head
    assert body.count(b": tidewire\n") == body.count(b"event: run.finished\n") == 1
    assert body.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("is_over_tls", [False, True])
def test_a_stream_is_whole_on_either_loop_with_tls_and_without(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], is_over_tls: bool
) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        answer = runner.run(_ask_for_words(is_over_tls=is_over_tls))
    assert answer.count(b": tidewire\n") == answer.count(b"event: run.finished\n") == 1
    assert answer.endswith(b"\r\n0\r\n\r\n")


async def test_only_the_head_of_a_stream_is_sent_to_who_asks_for_the_head() -> None:
    answer = await _ask_for_words(method="HEAD")
    assert b"\r\ncontent-type: text/event-stream" in answer
    assert answer.partition(b"\r\n\r\n")[2] == b""


async def test_a_client_that_knows_no_chunks_gets_none() -> None:
    head, _, body = (await _ask_for_words(version="1.0")).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body.startswith(b": tidewire\n")
    assert body.endswith(b"\n\n")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_what_comes_instead_of_a_stream_has_its_length(version: str) -> None:
    async def fail() -> AsyncIterator[str]:
        raise UpstreamUnreachable("No model is there.")
        yield ""

    head, _, body = (await _ask_for(fail, version=version)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 ")
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head


async def test_who_leaves_with_a_request_behind_the_one_that_is_answered_leaves_both() -> None:
    has_left = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if (await receive())["type"] == "http.disconnect":
            has_left.set()

    server = await asyncio.get_running_loop().create_server(_protocols(wait), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(2 * b"GET / HTTP/1.1\r\n\r\n")
    writer.close()
    async with asyncio.timeout(10):
        await has_left.wait()
    server.close()
    await asyncio.gather(writer.wait_closed(), server.wait_closed())


@in_no_time
async def test_who_had_to_read_another_answer_first_is_not_taken_for_stalled() -> None:
    protocol = _protocols(_tell_limit)()
    transport = _Behind(protocol)
    protocol.connection_made(transport)
    sink = DirectSink(protocol)
    protocol.resume_writing()
    await asyncio.sleep(10 * STALLED_SECONDS)
    assert not sink.is_paused
    assert not transport.is_aborted


class _Behind(asyncio.Transport):
    """A transport to which a part of the answer before is still to be sent, over TLS."""

    def __init__(self, protocol: TidewireProtocol) -> None:
        super().__init__()
        self.is_aborted = False
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return True if name == "sslcontext" else None

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.is_aborted = True


async def _ask_for_words(**how: Any) -> bytes:
    return await _ask_for(_words, **how)


async def _ask_for(source: Callable[[], AsyncIterator[str]], **how: Any) -> bytes:
    tide = Tidewire()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = tide.respond(Request(scope), await tide.start(source()))
            await response(scope, receive, send)

    try:
        return await _ask(answer, **how)
    finally:
        await tide.runs.close()


async def _words() -> AsyncIterator[str]:
    yield "whole"
