"""Stop reaches the model behind each API, before its first word and after: what came is kept."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.mock.test_apis import PATHS
from tidewire import Tidewire
from tidewire.answers.events import AnswerEvent, RunStopped, TextDelta, Usage, decode
from tidewire.models.base import ChatMessage, ChatRequest
from tidewire.models.registry import build
from tidewire.testing import Fault, MockServer, Rule, Scenario, mock_server

QUESTION = ChatRequest([ChatMessage("user", "When is high water?")])
SAID = "High water, 漲潮 🌊, at noon."


async def _stored(tide: Tidewire, run: str) -> list[AnswerEvent]:
    batch = await tide.log.read(run)
    return [event for stored in batch.events if (event := decode(*stored)) is not None]


def _text(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


async def _until_asked(tide: Tidewire, run: str, mock: MockServer, speaks: bool) -> None:
    """Until the model was asked, and has said something if it ``speaks``."""
    while not mock.requests or (speaks and not _text(await _stored(tide, run))):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [0, 5], ids=["before the first token", "in the middle"])
@pytest.mark.parametrize("api", PATHS)
async def test_the_mock_sees_its_client_leave_and_the_rest_is_kept(api: str, after: int) -> None:
    tide = Tidewire()
    scenario = Scenario([Rule(say=SAID, fault=Fault(stall_after=after))])
    async with mock_server(scenario) as mock, tide.lifespan():
        model = build("m", {"api": api, "base_url": mock.base_url + PATHS[api]})
        run = await tide.start(lambda: model.answer(QUESTION), request=QUESTION)
        async with asyncio.timeout(10):  # at once, where nothing else runs
            await _until_asked(tide, run.id, mock, speaks=after > 0)
            await tide.runs.stop(run.id)
            await mock.requests[0].ended.wait()
        events = await _stored(tide, run.id)
        await model.aclose()
    assert mock.requests[0].state == "left"
    text, usage = _text(events), events[-2]
    assert SAID.startswith(text) and bool(text) == (after > 0)
    assert isinstance(usage, Usage) and usage.input_tokens > 0
    assert bool(usage.output_tokens) == bool(text)
    assert events[-1] == RunStopped("stop")
