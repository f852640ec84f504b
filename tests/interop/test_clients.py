"""SSE clients that others wrote read our streams, each with its own idea of the format."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx_sse import aconnect_sse
from playwright.async_api import Browser

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.tidewire_process import TidewireProcess
from tests.interop import typescript

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIG = """
[models.demo]
api = "demo"
first_token_seconds = 0
tokens_per_second = 400
"""
QUESTION = {"message": "a table, please"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TidewireProcess]:
    process = TidewireProcess(tmp_path_factory.mktemp("clients"), CONFIG)
    try:
        yield await process.start()
    finally:
        await process.stop()


async def text(server: TidewireProcess, location: str) -> str:
    """The answer, by the plainest reader there is: lines."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        stream = await client.get(location, params={"dialect": "chunk"})
    lines = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
    return "".join(json.loads(line).get("content", "") for line in lines)


def said(event: Any) -> str:
    """The text in an event of the native or the delta dialect."""
    if not event.data.startswith("{"):
        return ""
    data = json.loads(event.data)
    return data.get("content", "") if "type" in data else data.get("delta", "")


@pytest.mark.parametrize("dialect", ["native", "delta"])
async def test_httpx_sse(server: TidewireProcess, dialect: str) -> None:
    url = f"/api/chat?dialect={dialect}"
    async with httpx.AsyncClient(base_url=server.url) as client:
        async with aconnect_sse(client, "POST", url, json=QUESTION) as source:
            events = [event async for event in source.aiter_sse()]
        location = source.response.headers["location"]
        resume = {"Last-Event-ID": events[10].id}
        url = f"{location}?dialect={dialect}"
        async with aconnect_sse(client, "GET", url, headers=resume) as source:
            # A block without data is none; httpx-sse dispatches the one that primes.
            rest = [event async for event in source.aiter_sse() if event.data]
    assert "".join(map(said, events)) == await text(server, location) != ""
    assert [event.id for event in rest] == [event.id for event in events[11:]]
    assert list(map(said, rest)) == list(map(said, events[11:]))


@pytest.mark.parametrize("dialect", ["native", "delta"])
async def test_fetch_event_source_posts_again_and_joins(
    server: TidewireProcess, browser: Browser, tmp_path: Path, dialect: str
) -> None:
    script = await typescript.bundle("fetch_event_source.ts", tmp_path, "--format=iife")
    # Between events: it takes an id for seen before its event is whole, and would lose that one.
    cuts = iter([b"}\n\n"] * 3)
    async with CuttingProxy(
        server.port, lambda line: next(cuts, None) if line.startswith("POST") else None
    ) as proxy:
        page = await browser.new_page()
        await page.goto(f"{proxy.url}/healthz")
        await page.add_script_tag(path=script)
        arguments = [f"/api/chat?dialect={dialect}", dialect]
        read = await page.evaluate("(arguments) => read(...arguments)", arguments)
        await page.close()
    assert read["lost"] == proxy.cuts == 3
    events = [SimpleNamespace(**event) for event in read["seen"]]
    assert len({event.id for event in events}) == len(events)
    async with httpx.AsyncClient(base_url=server.url) as client:
        key = {"Idempotency-Key": dialect}
        joined = await client.post("/api/chat", json=QUESTION, headers=key)
    assert "".join(map(said, events)) == await text(server, joined.headers["location"]) != ""
