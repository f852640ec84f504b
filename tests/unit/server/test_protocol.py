"""A connection of ours, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tidewire import Tidewire
from tidewire.live.sinks import EXTENSION, STALLED_SECONDS
from tidewire.server.protocol import TidewireProtocol


async def _tell_limit(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose body is the kernel's limit on its connection, in milliseconds."""
    transport = scope["extensions"][EXTENSION]["transport"].transport
    sock = transport.get_extra_info("socket")
    body = b"%d" % sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def _ask(app: Any) -> bytes:
    """All that the app's server writes to a connection with one request."""
    config = uvicorn.Config(app, http=TidewireProtocol, log_config=None)
    state = ServerState()
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TidewireProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    server.close()
    await asyncio.gather(writer.wait_closed(), server.wait_closed())
    return answer


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


async def _words() -> AsyncIterator[str]:
    yield "whole"
