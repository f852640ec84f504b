"""A model behind our server that does as SDKs' tests need it: calls a tool, waits, speaks."""

from __future__ import annotations

import asyncio
from typing import Any

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


class WaitingModel(FakeUpstream):
    """A model that calls a tool if it has one and no answer of it, then speaks. Asked to
    wait, it does so after its first word, until ``gate`` opens."""

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
