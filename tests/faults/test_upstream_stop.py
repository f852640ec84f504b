"""A stop reaches every vendor's API within a second, and keeps what had been said."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.faults.fake_upstream import Exchange, FakeUpstream, chunk
from tests.faults.punctual import within
from tests.faults.vendors import VENDORS
from tidewire.answers.events import RunStarted, RunStopped, TextDelta, Usage, decode
from tidewire.log.memory import MemoryLog
from tidewire.models.base import ChatMessage, ChatRequest
from tidewire.models.registry import build_all
from tidewire.server.tide import Tidewire

QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])
STOP_SECONDS = 1.0
NEVER_SECONDS = 10.0
SAYS = {name: vendor.says for name, vendor in VENDORS.items()}
SAYS["openai"] = lambda word: chunk({"content": word})
NDJSON = {"ollama": VENDORS["ollama"].content_type}


@pytest.mark.parametrize("moment", ["before the head", "before the first token", "in the middle"])
@pytest.mark.parametrize("api", SAYS)
async def test_stop_reaches_the_model_api_within_a_second(api: str, moment: str) -> None:
    word = "half an answer" if moment == "in the middle" else ""

    async def behave(x: Exchange) -> None:
        if moment != "before the head":
            await x.start(NDJSON.get(api, "text/event-stream"))
        if word:
            await x.send(SAYS[api](word))
        await x.hang()

    async def stop_one() -> float:
        async with FakeUpstream(behave) as upstream:
            return await _seconds_to_stop(api, upstream, word)

    await within(STOP_SECONDS, stop_one)


async def _seconds_to_stop(api: str, upstream: FakeUpstream, word: str) -> float:
    """From the call to the end of the model API's connection."""
    model = build_all({"m": {"api": api, "base_url": upstream.url, "api_key": "k"}})["m"]
    tide = Tidewire(MemoryLog())
    async with tide.lifespan():
        started = await tide.start(lambda: model.answer(QUESTION), request=QUESTION)
        await upstream.asked.wait()
        await asyncio.sleep(0.02)  # a head that was sent has been read
        if word:
            assert started.run
            await started.run.begun
        began_at = time.monotonic()
        stopped = await tide.runs.stop(started.id)
        async with asyncio.timeout(NEVER_SECONDS):
            await upstream.exchanges[0].gone.wait()
        took_seconds = time.monotonic() - began_at
        assert stopped.closed
        stored = [decode(*event) for event in (await tide.log.read(started.id)).events]
    await model.aclose()
    assert isinstance(stored[0], RunStarted) and stored[-1] == RunStopped("stop")
    assert "".join(event.delta for event in stored if isinstance(event, TextDelta)) == word
    (usage,) = [event for event in stored if isinstance(event, Usage)]
    assert usage.estimated and usage.input_tokens and bool(usage.output_tokens) == bool(word)
    return took_seconds
