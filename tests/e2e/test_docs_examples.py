"""The examples of the docs do what the docs say: each curl is sent, in its order, and what is
shown in other languages is run."""

from __future__ import annotations

import argparse
import asyncio
import re
import shlex
import sys
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from tests.e2e.tidewire_process import TidewireProcess

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    "clients.md", "compatible.md", "models.md", "notifications.md", "operating.md", "rooms.md",
]  # fmt: skip

OPTIONS = argparse.ArgumentParser(exit_on_error=False, add_help=False)
OPTIONS.add_argument("url")
OPTIONS.add_argument("-s", action="store_true")
OPTIONS.add_argument("-N", dest="stream", action="store_true")
OPTIONS.add_argument("-X", dest="method")
OPTIONS.add_argument("-H", dest="headers", action="append", default=[])
OPTIONS.add_argument("--json")
SERVER = "http://127.0.0.1:8400"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def examples(page: str) -> list[str]:
    lines = "".join(blocks(page, "sh")).splitlines()
    return [line for line in lines if line.startswith("curl ")]


@pytest.mark.parametrize("page", PAGES)
async def test_the_examples_work(tidewire_process: TidewireProcess, page: str) -> None:
    lines = examples(page)
    assert len(lines) >= 3
    id = ""
    async with httpx.AsyncClient(timeout=30) as client:
        for line in lines:
            text = await send(client, line.replace("$ID", id), tidewire_process.url)
            posted = re.search(r'^\{("cursor":.*)?"id":"(\w+)"', text)
            id = posted[2] if posted else id


async def send(client: httpx.AsyncClient, line: str, server: str) -> str:
    """Does what curl would; gives what was answered, the first bytes of a stream."""
    options = OPTIONS.parse_args(shlex.split(line)[1:])
    headers = dict(header.split(": ", 1) for header in options.headers)
    if options.json:
        headers["Content-Type"] = "application/json"
    method = options.method or ("POST" if options.json else "GET")
    url = options.url.replace(SERVER, server)
    async with client.stream(method, url, headers=headers, content=options.json) as answer:
        if options.stream:
            text = await anext(answer.aiter_text())
            assert text.startswith(": tidewire"), line
        else:
            text = (await answer.aread()).decode()
        assert answer.is_success, (line, text)
        return text


async def test_the_python_client_reads_as_shown(tidewire_process: TidewireProcess) -> None:
    (code,) = blocks("clients.md", "python")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code.replace(SERVER, tidewire_process.url), stdout=-1
    )
    said, _ = await process.communicate()
    assert " run.finished run_" in said.decode()


async def test_a_page_reads_as_shown(tidewire_process: TidewireProcess, chromium: Browser) -> None:
    (code,) = blocks("clients.md", "js")
    page = await chromium.new_page()
    await page.goto(f"{tidewire_process.url}/healthz")
    await page.add_script_tag(content=code)
    await page.wait_for_function("document.title.startsWith('run.finished: ')")
