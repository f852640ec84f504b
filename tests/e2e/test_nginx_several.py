"""deploy/nginx.conf before several servers: what becomes of a request that one refuses."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.e2e.nginx import CONFIG, Nginx

StartNginx = Callable[..., Awaitable[Nginx]]


class Server:
    """Answers every request with ``status``."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        self.seen: Counter[str] = Counter()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen[head.split(b" ")[0].decode()] += 1
        writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\n".encode())
        writer.write(b"Connection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    async with AsyncExitStack() as stack:
        servers = [Server(), Server()]
        for server in servers:
            listening = await asyncio.start_server(server, "127.0.0.1")
            server.port = listening.sockets[0].getsockname()[1]
            await stack.enter_async_context(listening)
        yield servers


@pytest.fixture
async def proxy(nginx: StartNginx, servers: list[Server]) -> Nginx:
    """With a line for each server, written as the file says."""
    words = re.search(r"a line for each, (\S+)\.", CONFIG.read_text())
    assert words
    lines = [f"server 127.0.0.1:{server.port} {words[1]};" for server in servers]
    port = servers[0].port
    return await nginx(port, {f"server 127.0.0.1:{port};": "\n".join(lines)})


async def statuses(proxy: Nginx, method: str, path: str = "/api/events?channel=a") -> set[int]:
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=30) as client:
        return {(await client.request(method, path)).status_code for _ in range(4)}


async def test_what_one_refuses_that_is_about_to_end_another_gives(
    proxy: Nginx, servers: list[Server]
) -> None:
    servers[0].status = 503
    assert await statuses(proxy, "GET") == {200}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/channels/a"), ("GET", "/api/chat?message=Hello")]
)
async def test_what_cannot_be_asked_twice_is_asked_once(
    proxy: Nginx, servers: list[Server], method: str, path: str
) -> None:
    servers[0].status = 503
    assert await statuses(proxy, method, path) == {200, 503}
    assert servers[0].seen[method] + servers[1].seen[method] == 4


async def test_what_all_refuse_is_given_as_soon_as_one_can(
    proxy: Nginx, servers: list[Server]
) -> None:
    for server in servers:
        server.status = 503
    assert await statuses(proxy, "GET") == {503}
    for server in servers:
        server.status = 200
    assert await statuses(proxy, "GET") == {200}
