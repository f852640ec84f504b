"""TypeScript programs of the tests, bundled and run by Node."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ESBUILD = HERE.parents[1] / "js" / "node_modules" / ".bin" / "esbuild"


async def bundle(program: str, folder: Path, *options: str) -> Path:
    """``program``, a file of this folder, with all that it imports as one file."""
    file = folder / f"{program}.mjs"
    options = ("--bundle", "--log-level=warning", f"--outfile={file}", *options)
    process = await asyncio.create_subprocess_exec(ESBUILD, HERE / program, *options)
    assert await process.wait() == 0
    return file


async def run(program: str, folder: Path, *arguments: str) -> Any:
    """Runs it in Node; what it prints is JSON."""
    file = await bundle(program, folder, "--format=esm", "--platform=node")
    process = await asyncio.create_subprocess_exec(
        "node", file, *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(printed)
