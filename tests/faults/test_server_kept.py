"""A stream outlives its request; on its connection everything stays in order all the same."""

from __future__ import annotations

import asyncio

from tests.faults.conftest import Serve

GET = "GET {} HTTP/1.1\r\nHost: test\r\n\r\n"


async def test_a_request_behind_a_stream_is_answered_when_the_stream_has_ended(
    serve: Serve,
) -> None:
    server = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write((GET.format("/api/channels/a") + GET.format("/healthz")).encode())
    try:
        async with asyncio.timeout(30):
            await reader.readuntil(b"event: stream.open\n")
            await server.post("/api/channels/a", content="still streaming")
            between = await reader.readuntil(b"still streaming")
            assert b"HTTP/1.1" not in between

            (viewer,) = (await server.get("/api/connections")).json()["connections"]
            await server.delete(f"/api/connections/{viewer['connection']}")
            rest = await reader.readuntil(b"\r\n0\r\n\r\n")
            assert b"retry: " in rest
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"

            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len((await server.get("/healthz")).content))
            writer.write(GET.format("/healthz").encode())  # kept alive after all that
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    finally:
        writer.close()
    assert "ERROR" not in server.log
