"""@copilotkit/aimock: a model server that nobody here wrote, as a process of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Self

import httpx

from tests.e2e.nginx import free_port

CLI = Path(__file__).parents[2] / "js/node_modules/@copilotkit/aimock/dist/cli.js"


class Aimock:
    """Serves ``fixtures`` (what it matches, what it answers) in every model API's form."""

    def __init__(self, folder: Path, fixtures: list[dict[str, Any]]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._file = folder / "fixtures.json"
        self._file.write_text(json.dumps({"fixtures": fixtures}))
        self._command = ["node", CLI, "--port", str(port), "--fixtures", self._file]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            "--strict",
            "--log-level=warn",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with httpx.AsyncClient(base_url=self.url) as client:
            while self._process.returncode is None:
                try:
                    if (await client.get("/ready")).is_success:
                        return self
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)  # another process: there is nothing to wait for
        raise RuntimeError("aimock did not start; does it accept the fixtures?")

    async def __aexit__(self, *exc: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
