"""A model behind our server that does as SDKs' tests need it: calls a tool, waits, speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.tidewire_process import TidewireProcess
from tests.faults.fake_upstream import (
    DONE,
    FINISH,
    USAGE,
    Exchange,
    FakeUpstream,
    chunk,
    said,
)

ARGUMENTS = '{"city":"Lisbon"}'
CONFIG = """
[models.gpt]
api = "openai"
base_url = "{url}"
[models.gone]
api = "openai"
base_url = "http://127.0.0.1:9/v1"
max_retries = 0
"""


class WaitingModel(FakeUpstream):
    """A model that calls a tool if it has one and no answer of it, then speaks. Asked to
    wait, it does so after its first word, until ``gate`` opens or it is asked to go on."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.gate = asyncio.Event()

    async def answer(self, exchange: Exchange) -> None:
        messages = exchange.body["messages"]
        if exchange.body.get("tools") and messages[-1]["role"] != "tool":
            start = {"index": 0, "id": "call_1", "type": "function"}
            calls = [start | {"function": {"name": "weather", "arguments": ARGUMENTS[:5]}}]
            more = [{"index": 0, "function": {"arguments": ARGUMENTS[5:]}}]
            pieces = [chunk({"tool_calls": calls}), chunk({"tool_calls": more})]
            await exchange.stream(*pieces, chunk(finish="tool_calls"), USAGE, DONE)
            return
        if "response_format" in exchange.body:
            await exchange.stream(*said(ARGUMENTS), FINISH, USAGE, DONE)
            return
        if "go on" in str(messages[-1]["content"]):
            self.gate.set()
        await exchange.start()
        await exchange.send(said("Sunny ")[0])
        if "wait" in str(messages[-1]["content"]):
            await self.gate.wait()
        for piece in (*said("and ", "🌊."), FINISH, USAGE, DONE):
            await exchange.send(piece)
        await exchange.end()

    @property
    def body(self) -> Any:
        """What the latest question was, as it arrived here."""
        return self.exchanges[-1].body


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[WaitingModel, str]]:
    """The model, and the URL of a server of ours that asks it as ``gpt``."""
    async with WaitingModel() as model:
        server = TidewireProcess(folder, CONFIG.format(url=model.url))
        try:
            await server.start()
            yield model, server.url
        finally:
            model.gate.set()  # what waits there would wait for ever
            await server.stop()
