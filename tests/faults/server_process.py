"""A server as its own process, to be killed, stopped and started again on the same data."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

TIDEWIRE = Path(sys.executable).with_name("tidewire")


class ServerProcess:
    """``tidewire serve`` on a free port, with its data in ``folder``.

    ``plain``: the same app under plain uvicorn, which knows nothing of direct writes.
    What it logs is in ``folder``, and shown when a test fails.
    """

    def __init__(self, folder: Path, config: str = "", *, plain: bool = False) -> None:
        self.port = free_port()
        self._folder = folder
        self._plain = plain
        self._log = folder / "server.log"
        self._config = folder / "tidewire.toml"
        self._config.write_text(config)
        self._process: asyncio.subprocess.Process | None = None
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    async def start(self) -> Self:
        """Returns when it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(), stdout=log, stderr=log, env=self._environment()
            )
        while not await self._is_ready():
            if self._process.returncode is not None:
                raise RuntimeError(self.log)
            await asyncio.sleep(0.02)  # another process: there is nothing to wait for
        return self

    async def kill(self) -> None:
        """kill -9."""
        assert self._process
        self._process.kill()
        await self._process.wait()

    def terminate(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Its exit status."""
        assert self._process
        return await self._process.wait()

    async def stop(self) -> None:
        """For the end of a test: gone, whatever state it is in; its log is printed."""
        await self._http.aclose()
        if self._process and self._process.returncode is None:
            await self.kill()
        print(self.log[-4000:])

    @property
    def log(self) -> str:
        """What it has logged, all its starts together."""
        return self._log.read_text()

    @property
    def rss(self) -> int:
        """Bytes of memory it occupies now."""
        assert self._process
        return int(psutil.Process(self._process.pid).memory_info().rss)

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self._http.post(path, **options)

    async def delete(self, path: str) -> httpx.Response:
        return await self._http.delete(path)

    async def patch(self, path: str, **options: Any) -> httpx.Response:
        return await self._http.patch(path, **options)

    async def run_info(self, run: str) -> dict[str, Any]:
        response = await self.get(f"/api/runs/{run}")
        assert response.status_code == 200, response.text
        info: dict[str, Any] = response.json()
        return info

    async def stop_run(self, run: str) -> httpx.Response:
        return await self.post(f"/api/runs/{run}/stop")

    def _command(self) -> list[str]:
        if self._plain:
            app = ["--factory", "tests.faults.plain_app:create"]
            port = ["--port", str(self.port), "--no-access-log"]
            return [sys.executable, "-m", "uvicorn", *app, *port]
        data = ["--data", str(self._folder / "data"), "--config", str(self._config)]
        return [str(TIDEWIRE), "serve", "--port", str(self.port), *data]

    def _environment(self) -> dict[str, str]:
        own = {"DATA_FOLDER": str(self._folder / "data"), "CONFIG_FILE": str(self._config)}
        return {**os.environ, **own}

    async def _is_ready(self) -> bool:
        try:
            return (await self._http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
