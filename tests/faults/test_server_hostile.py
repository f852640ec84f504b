"""Heads, trailers and bodies without end: refused while they come, and nothing of them is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one server for all

GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /api/chat HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"
TRAILERS = CHUNKS + b"2\r\n{}\r\n0\r\n"
LONG = b"a" * 70_000
OVER = b" " * (1 << 20) + b"{"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    server = await ServerProcess(folder).start()
    yield server
    await server.stop()
    assert "Traceback" not in server.log


async def _send(server: ServerProcess, request: bytes) -> bytes:
    """All that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionResetError:  # more was on its way
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_begins",
    [GET + b"X-Long: " + LONG, GET + b"X: 1\r\n" * 12_000, b"GET /" + LONG],
    ids=["a header", "many headers", "a url"],
)
async def test_a_head_without_end_is_refused(server: ServerProcess, request_begins: bytes) -> None:
    head, _, body = (await _send(server, request_begins)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert f"content-length: {len(body)}" in head.decode()
    assert json.loads(body)["error"]["code"] == "too_large"


async def test_trailers_without_end_close_the_connection(server: ServerProcess) -> None:
    assert await _send(server, POST + TRAILERS + b"X-Long: " + 5 * LONG) == b""


async def test_a_body_may_be_longer_than_a_head(server: ServerProcess) -> None:
    request = b"POST /api/channels/a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    request += b"Content-Length: %d\r\n\r\n" % (2 * len(LONG)) + 2 * LONG
    assert (await _send(server, request)).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    "body_begins",
    [b"Content-Length: 9999999\r\n\r\n", CHUNKS + b"%x\r\n" % len(OVER) + OVER],
    ids=["that says so", "that does not"],
)
async def test_a_body_over_the_limit_is_refused(server: ServerProcess, body_begins: bytes) -> None:
    request = POST + b"Connection: close\r\n" + body_begins
    head, _, body = (await _send(server, request)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["error"]["code"] == "too_large"
