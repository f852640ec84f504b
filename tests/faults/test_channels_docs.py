"""What docs/channels.md shows is what one gets."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.faults.conftest import Serve
from tests.faults.server_process import TIDEWIRE
from tidewire.live.channels import ChannelRule

PAGE = Path(__file__).parents[2] / "docs" / "channels.md"
PLACES = {"<cursor>": r"[\w.~-]+", "<connection>": "[0-9a-f]{16}"}


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def _fits(shown: str, said: str) -> bool:
    pattern = re.escape(shown.strip())
    for place, what in PLACES.items():
        pattern = pattern.replace(re.escape(place), what)
    return re.fullmatch(pattern, said.strip()) is not None


async def _run(language: str, code: str) -> str:
    command = ["bash", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    path = f"{TIDEWIRE.parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PATH": path}
    )
    said, _ = await process.communicate()
    return said.decode()


async def test_every_example_says_what_the_page_says(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve()
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setenv("TIDEWIRE_SERVER", url)
    blocks = _blocks()
    examples = [
        pair for pair in zip(blocks, blocks[1:], strict=False) if pair[0][0] in ("sh", "python")
    ]
    assert len(examples) == 7
    for (language, code), (_, shown) in examples:
        said = await _run(language, code.replace("http://127.0.0.1:8400", url))
        assert _fits(shown, said), f"{code}\n{said}"


def test_the_rules_shown_can_be_set() -> None:
    (rules,) = (
        tomllib.loads(code)["channels"] for language, code in _blocks() if language == "toml"
    )
    assert [ChannelRule(**rule).pattern for rule in rules] == ["room:*", "*"]
