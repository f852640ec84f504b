"""Every adapter against a mock of the model APIs that nobody here wrote, in calm and chaos."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.interop.aimock import Aimock
from tidewire.answers.events import AnswerEvent, ReasoningDelta, TextDelta, ToolReady
from tidewire.errors import ModelError, UpstreamRefused
from tidewire.models.base import ChatMessage, ChatRequest, Finish, Model, ToolSpec
from tidewire.models.registry import build

TIDE = "潮水 turns 🌊 twice a day. 👩‍👩‍👧 " * 5
THOUGHT = "The moon pulls; the sea follows."
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "tide"}, "response": {"content": TIDE, "reasoning": THOUGHT}},
    {
        "match": {"userMessage": "weather"},
        "response": {
            "toolCalls": [
                {"name": "get_weather", "arguments": '{"city":"Brest"}'},
                {"name": "get_weather", "arguments": '{"city":"Lisboa"}'},
            ]
        },
    },
    {
        "match": {"userMessage": "busy"},
        "response": {"error": {"message": "Slow down", "type": "x"}, "status": 429},
    },
]
pytestmark = pytest.mark.asyncio(loop_scope="module")  # one process serves them all

# Where each API begins. DashScope's is not among those that the mock speaks.
APIS = {
    "openai": "/v1",
    "openai-responses": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "ollama": "",
}
WEATHER = ToolSpec("get_weather", "The weather", {"type": "object", "properties": {}})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aimock(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Aimock, None]:
    folder: Path = tmp_path_factory.mktemp("aimock")
    async with Aimock(folder, FIXTURES) as mock:
        yield mock


@asynccontextmanager
async def asking(aimock: Aimock, api: str, **settings: Any) -> AsyncGenerator[Model, None]:
    table = {"api": api, "base_url": aimock.url + APIS[api], "api_key": "sk-test", **settings}
    model = build("model-x", table)
    try:
        yield model
    finally:
        await model.aclose()


async def answer(model: Model, question: str) -> tuple[list[AnswerEvent], ModelError | None]:
    events: list[AnswerEvent] = []
    request = ChatRequest([ChatMessage("user", question)], tools=[WEATHER])
    try:
        async for event in model.answer(request):
            events.append(event)
    except ModelError as error:
        return events, error
    return events, None


def joined(events: list[AnswerEvent], kind: type[TextDelta] | type[ReasoningDelta]) -> str:
    return "".join(event.delta for event in events if isinstance(event, kind))


@pytest.mark.parametrize("api", APIS)
async def test_calm(aimock: Aimock, api: str) -> None:
    async with asking(aimock, api) as model:
        events, error = await answer(model, "Tell me of the tide")
        assert error is None
        assert (joined(events, TextDelta), joined(events, ReasoningDelta)) == (TIDE, THOUGHT)
        assert events[-1] == Finish("stop")
        called, error = await answer(model, "Tell me of the weather")
        assert error is None
        inputs = [event.input for event in called if isinstance(event, ToolReady)]
        assert inputs == [{"city": "Brest"}, {"city": "Lisboa"}]
        assert called[-1] == Finish("tool_calls")


@pytest.mark.parametrize("api", APIS)
async def test_refusal(aimock: Aimock, api: str) -> None:
    async with asking(aimock, api, max_retries=0) as model:
        events, error = await answer(model, "Are you busy?")
    assert events == []
    assert isinstance(error, UpstreamRefused)
    assert str(error) == "The model API answered 429: Slow down"


@pytest.mark.parametrize("api", APIS)
async def test_chaos(aimock: Aimock, api: str) -> None:
    """Whatever happens, what was said is the beginning of what was to be said."""
    rates = {"dropRate": 0.2, "malformedRate": 0.2, "disconnectRate": 0.2}
    failed = 0
    async with httpx.AsyncClient(base_url=aimock.url) as control:
        try:
            (await control.post("/__aimock/chaos", json=rates)).raise_for_status()
            async with asking(aimock, api, max_retries=0) as model:
                for _ in range(30):
                    events, error = await answer(model, "Tell me of the tide")
                    said = joined(events, TextDelta)
                    assert TIDE.startswith(said)
                    assert (error is None) == (said == TIDE and isinstance(events[-1], Finish))
                    failed += error is not None
        finally:
            (await control.delete("/__aimock/chaos")).raise_for_status()
    assert 0 < failed < 30  # neither end is likelier than one in a hundred million
