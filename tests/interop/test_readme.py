"""The README's app, asked by the README's program."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import typescript
from tidewire.mock.serve import listening

BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$",
    (Path(__file__).parents[2] / "README.md").read_text(),
    re.MULTILINE | re.DOTALL,
)


async def my_model(question: str) -> AsyncGenerator[str, None]:
    for word in ("All", "of", question):
        yield word


async def test_the_answer_arrives_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the app keeps its log where it is run
    shown: dict[str, Any] = {"my_model": my_model}
    exec(dict(BLOCKS)["python"], shown)
    program = tmp_path / "program.ts"
    async with shown["tide"].lifespan(shown["app"]), listening(shown["app"]) as url:
        program.write_text(
            "const said: string[] = [];\nconst show = (text: string) => said.push(text);\n"
            + dict(BLOCKS)["ts"].replace('"/ask', f'"{url}/ask')
            + "console.log(JSON.stringify(said));\n"
        )
        assert await typescript.run(str(program), tmp_path) == ["All", "of", "tides"]
