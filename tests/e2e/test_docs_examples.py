"""The curl examples of the docs do what the docs say: each is sent, in its order."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import httpx
import pytest

from tests.e2e.tidewire_process import TidewireProcess

DOCS = Path(__file__).parents[2] / "docs"

OPTIONS = argparse.ArgumentParser(exit_on_error=False, add_help=False)
OPTIONS.add_argument("url")
OPTIONS.add_argument("-s", action="store_true")
OPTIONS.add_argument("-N", dest="stream", action="store_true")
OPTIONS.add_argument("-X", dest="method")
OPTIONS.add_argument("-H", dest="headers", action="append", default=[])
OPTIONS.add_argument("--json")


def examples(page: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("curl ")]


@pytest.mark.parametrize("page", ["rooms.md", "notifications.md", "compatible.md", "models.md"])
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
    url = options.url.replace("http://127.0.0.1:8400", server)
    async with client.stream(method, url, headers=headers, content=options.json) as answer:
        if options.stream:
            text = await anext(answer.aiter_text())
            assert text.startswith(": tidewire"), line
        else:
            text = (await answer.aread()).decode()
        assert answer.is_success, (line, text)
        return text
