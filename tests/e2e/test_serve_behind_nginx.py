"""The product as it is deployed: `tidewire serve` behind nginx, read over HTTP/2."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent

from tests.e2e.nginx import Nginx
from tests.e2e.tidewire_process import TidewireProcess

StartNginx = Callable[..., Awaitable[Nginx]]

QUESTION = {"message": "Show me a table"}


@pytest.fixture
async def proxy(nginx: StartNginx, tidewire_process: TidewireProcess) -> Nginx:
    return await nginx(tidewire_process.port)


def browser(proxy: Nginx) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=proxy.url, http2=True, verify=proxy.trust, timeout=30)


async def read(response: httpx.Response, events: int | None = None) -> list[ServerSentEvent]:
    """The stream's events; leaves after ``events`` of them."""
    response.raise_for_status()
    seen: list[ServerSentEvent] = []
    async for event in EventSource(response).aiter_sse():
        if not event.data:  # a block without data is none, but for httpx-sse
            continue
        seen.append(event)
        if len(seen) == events:
            break
    return seen


def text(events: list[ServerSentEvent]) -> str:
    deltas = (json.loads(event.data) for event in events if event.event == "text.delta")
    return "".join(delta["delta"] for delta in deltas)


def offset(event: ServerSentEvent) -> int:
    return int(event.id.partition("-")[2], 36)


async def test_an_answer_cut_in_the_middle_is_resumed_to_its_last_word(proxy: Nginx) -> None:
    async with browser(proxy) as client:
        async with client.stream("POST", "/api/chat", json=QUESTION) as asked:
            before = await read(asked, events=8)
    async with browser(proxy) as client:
        stream = asked.headers["Location"]
        resume = {"Last-Event-ID": before[-1].id}
        async with client.stream("GET", stream, headers=resume) as resumed:
            after = await read(resumed)
        async with client.stream("GET", stream, params={"from": "start"}) as whole:
            everything = await read(whole)
    assert (asked.http_version, resumed.http_version) == ("HTTP/2", "HTTP/2")
    assert after[-1].event == "run.finished"
    assert text(before + after) == text(everything) != ""
    assert [offset(event) for event in before + after] == list(range(1, len(before + after) + 1))


async def test_the_first_words_arrive_while_the_model_is_still_speaking(proxy: Nginx) -> None:
    async with browser(proxy) as client:
        async with client.stream("POST", "/api/chat", json=QUESTION) as asked:
            await read(asked, events=4)
            stop = await client.post(f"/api/runs/{asked.headers['X-Run-Id']}/stop")
        async with client.stream("GET", asked.headers["Location"]) as stopped:
            last = (await read(stopped))[-1]
    assert stop.is_success
    assert last.event == "run.stopped"


async def test_the_console_is_served_compressed(proxy: Nginx) -> None:
    async with browser(proxy) as client:
        page = await client.get("/")
        script = re.search(r'<script[^>]* src="([^"]+)"', page.text)
        assert script, "the console is not built: make setup builds it"
        loaded = await client.get(script[1])
    assert loaded.status_code == 200
    assert loaded.headers["Content-Encoding"] == "gzip"


async def test_a_host_that_the_proxy_has_changed_keeps_no_page_of_its_own_out(
    nginx: StartNginx, tidewire_process: TidewireProcess
) -> None:
    said = ("Host $host", "X-Forwarded-For $remote_addr", "X-Forwarded-Host $host")
    unsaid = {f"proxy_set_header {field};": "" for field in said}
    proxy = await nginx(tidewire_process.port, unsaid)
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust) as old_browser:
        page = {"Origin": proxy.url}
        posted = await old_browser.post("/api/channels/news", content="tide", headers=page)
    assert posted.status_code == 201


async def test_by_the_name_that_the_world_knows_only_the_proxy_may_call_it(
    proxy: Nginx, tidewire_process: TidewireProcess
) -> None:
    public = {"Host": "tidewire.example.com"}
    for url, status in ((proxy.url, 200), (tidewire_process.url, 421)):
        async with httpx.AsyncClient(base_url=url, verify=proxy.trust) as client:
            assert (await client.get("/api/models", headers=public)).status_code == status
