"""Pages of other origins in a real browser, before a server that needs no secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.e2e.tidewire_process import TidewireProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

# All that a page can send without asking for permission. It can read none of the answers:
# `fetch` ends when they are there, a frame when it has loaded.
SEND_UNASKED = """async (url) => {
  const post = { method: "POST", mode: "no-cors", body: "tide" };
  await fetch(`${url}/api/channels/theirs`, post);
  await fetch(`${url}/api/channels/theirs`, { ...post, body: new URLSearchParams("a=b") });
  await fetch(`${url}/api/chat?session=theirs&message=m`, { mode: "no-cors" });
  await new Promise((refused) => {
    const socket = new WebSocket(`ws${url.slice(4)}/api/chat?session=theirs&message=m`);
    socket.onerror = refused;
  });
  await new Promise((loaded) => {
    const frame = document.createElement("iframe");
    frame.onload = loaded;
    frame.src = `${url}/api/chat?session=theirs&message=m`;
    document.body.append(frame);
  });
}"""

POST_AND_ASK = """async (url) => {
  const posted = await fetch(`${url}/api/channels/ours`, { method: "POST", body: "tide" });
  const source = new EventSource(`${url}/api/chat?message=hello`);
  const began = new Promise((resolve) => source.addEventListener("run.started", resolve));
  const type = (await began).type;
  source.close();
  return [posted.status, type];
}"""


class Web(NamedTuple):
    server: TidewireProcess
    listed: str
    """A page of an origin that `[cors]` lists."""
    unlisted: str
    """A page of another site."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """One page under two names, so of two origins, and a server that knows one of them."""
    pages = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = pages.sockets[0].getsockname()[1]
    config = f"[cors]\norigins = ['http://127.0.0.1:{port}']\n"
    server = TidewireProcess(tmp_path_factory.mktemp("origins"), config)
    try:
        await server.start()
        yield Web(server, f"http://127.0.0.1:{port}", f"http://localhost:{port}")
    finally:
        await server.stop()
        pages.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    page = b"<!doctype html><body>"
    await reader.readuntil(b"\r\n\r\n")
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + page)
    writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page()
    yield page
    await page.close()


async def test_a_page_of_another_site_leaves_no_trace(web: Web, page: Page) -> None:
    await page.goto(web.unlisted)
    await page.evaluate(SEND_UNASKED, web.server.url)
    async with httpx.AsyncClient(base_url=web.server.url) as api:
        assert (await api.get("/api/channels/theirs/info")).status_code == 404
        assert (await api.post("/api/sessions/theirs/stop")).status_code == 404


async def test_a_page_of_the_server_and_one_that_is_listed_do_as_they_like(
    web: Web, page: Page
) -> None:
    for origin in (web.server.url, web.listed):
        await page.goto(f"{origin}/healthz")
        done = await page.evaluate(POST_AND_ASK, web.server.url)
        assert done == [201, "run.started"]


async def test_a_page_whose_name_was_made_to_lead_here_learns_nothing(web: Web, page: Page) -> None:
    for name, status in (("tide.rebound.test", 421), ("tide.localhost", 200)):
        opened = await page.goto(f"http://{name}:{web.server.port}/healthz")
        assert opened is not None
        assert opened.status == status
        asked = "async () => (await fetch('/api/models')).status"
        assert await page.evaluate(asked) == status


async def test_programs_come_in_and_old_browsers_only_from_here(web: Web) -> None:
    async with httpx.AsyncClient(base_url=web.server.url) as api:
        for origin, status in ((None, 201), (web.server.url, 201), (web.unlisted, 403)):
            fields = {"Origin": origin} if origin else {}
            posted = await api.post("/api/channels/ours", content="tide", headers=fields)
            assert posted.status_code == status
