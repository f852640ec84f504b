"""An app on loopback whose runs say what a test has written down, at any protocol's path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from tests.e2e.nginx import free_port
from tidewire import Tidewire
from tidewire.answers.events import AnswerEvent

HEARTBEAT_SECONDS = 0.05

Script = Sequence[AnswerEvent | Callable[[], object]]


class ScriptedServer:
    """``script``: what the next run says; it waits where ``silence`` stands, for two
    heartbeats, and where ``gate.wait`` stands. The gate opens for whoever resumes."""

    def __init__(self) -> None:
        self.url = ""
        self.script: Script = ()
        self.gate = asyncio.Event()
        self._latest = ""

    async def answer(self) -> AsyncIterator[AnswerEvent]:
        for step in self.script:
            if isinstance(step, AnswerEvent):
                yield step
            else:
                await step()  # type: ignore[misc]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedServer]:
        tide = Tidewire("memory://", heartbeat_seconds=HEARTBEAT_SECONDS)
        app = FastAPI(lifespan=tide.lifespan)

        @app.get("/{path:path}/stream")
        async def resume(request: Request) -> Response:
            self.gate.set()
            return tide.stream_response(request, await tide.log.info(self._latest))

        @app.post("/latest")
        async def latest(request: Request) -> Response:
            return tide.stream_response(request, await tide.log.info(self._latest))

        @app.post("/{path:path}")
        async def start(request: Request) -> Response:
            run = await tide.start(self.answer)
            self._latest = run.id
            return tide.respond(request, run)

        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(app, port=port, log_level="warning", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            await task


async def silence() -> None:
    """Long enough for a heartbeat."""
    await asyncio.sleep(HEARTBEAT_SECONDS * 2.5)
