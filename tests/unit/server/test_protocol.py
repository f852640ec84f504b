"""A connection of ours, over a real socket."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tidewire.live.sinks import STALLED_SECONDS
from tidewire.server.protocol import EXTENSION, TidewireProtocol


async def _tell_limit(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose body is the kernel's limit on its connection, in milliseconds."""
    transport = scope["extensions"][EXTENSION]["transport"].transport
    sock = transport.get_extra_info("socket")
    body = b"%d" % sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def test_the_kernel_drops_a_peer_that_acknowledges_nothing() -> None:
    config = uvicorn.Config(_tell_limit, http=TidewireProtocol, log_config=None)
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
    assert answer.endswith(b"\r\n\r\n%d" % (STALLED_SECONDS * 1000))
