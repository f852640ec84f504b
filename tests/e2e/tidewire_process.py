"""``tidewire serve`` as people start it: a process of its own, on a free port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Self

import httpx

from tests.e2e.nginx import free_port

COMMAND = Path(sys.executable).with_name("tidewire")


class TidewireProcess:
    """One server with its data in ``folder``; ``config`` is the text of a tidewire.toml."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._config = config
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Returns when it is ready."""
        config = self._folder / "tidewire.toml"
        config.write_text(self._config)
        self._process = await asyncio.create_subprocess_exec(
            COMMAND, "serve", "--port", str(self.port),
            "--config", config, "--data", self._folder / "data",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await self._is_ready()
        return self

    async def stop(self) -> None:
        """Ends it at once, whatever it does, and waits."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def _is_ready(self) -> None:
        assert self._process and self._process.stderr
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            while self._process.returncode is None:
                try:
                    if (await client.get("/readyz")).is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)  # another process: there is nothing to wait for
        raise RuntimeError((await self._process.stderr.read()).decode())
