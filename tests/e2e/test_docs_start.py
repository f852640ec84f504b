"""docs/start.md, followed to the letter: its files, its server, its page in a real browser."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from tests.e2e.nginx import free_port
from tidewire import Tidewire

PAGE = (Path(__file__).parents[2] / "docs" / "start.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """Of the page's app, running."""
    port = free_port()
    app = next(code for language, code in BLOCKS if language == "python")
    (tmp_path / "app.py").write_text(app.replace("port=8000", f"port={port}"))
    (tmp_path / "index.html").write_text(dict(BLOCKS)["html"])
    process = await asyncio.create_subprocess_exec(sys.executable, "app.py", cwd=tmp_path)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            try:
                await client.get("/")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)  # another process: there is nothing to wait for
    yield f"http://127.0.0.1:{port}"
    process.kill()
    await process.wait()


async def test_the_answer_survives_a_reload_and_can_be_stopped(chromium: Browser, url: str) -> None:
    page = await chromium.new_page()
    await page.goto(url)
    ask = page.get_by_role("button", name="Ask")
    await ask.click()
    answer = page.locator("#answer")
    await expect(answer).to_contain_text("You asked")
    await page.reload()
    whole = "You asked about the tide. Reload this page while I am talking."
    await expect(answer).to_have_text(whole)
    await page.locator("input").fill("waves " * 100)
    await ask.click()
    await expect(answer).to_contain_text("about waves")
    await page.get_by_role("button", name="Stop").click()
    run = page.url.partition("#")[2]
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        assert "event: run.stopped" in (await client.get(f"/api/streams/{run}")).text


async def test_a_model_of_tidewire_answers_as_shown() -> None:
    code = [code for language, code in BLOCKS if language == "python"][-1]
    tide = Tidewire()
    app = FastAPI(lifespan=tide.lifespan)
    app.include_router(tide.router)
    exec(re.sub(r'\{"api".*\}', '{"api": "demo", "tokens_per_second": 0}', code), {**locals()})
    transport = httpx.ASGITransport(app)
    async with tide.lifespan(app), httpx.AsyncClient(transport=transport) as client:
        asked = await client.post("http://app/ask?question=Why")
        answer = await client.get(f"http://app/api/streams/{asked.json()['run']}")
    assert "event: text.delta" in answer.text
    assert "event: run.finished" in answer.text
