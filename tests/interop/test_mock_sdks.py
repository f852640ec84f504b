"""The vendors' SDKs read our mock as they read their vendors' own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import dashscope
import pytest
import pytest_asyncio

from tests.interop.readers import READERS, Read, Refused, read_dashscope
from tidewire.testing import Fault, MockServer, Rule, Scenario, Tokens, Tool, mock_server

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # Of a class of Google's client, which it makes when it opens its first connection.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]

SAID = 'High water, 漲潮 🌊 👩‍👩‍👧, at noon.\n\ndata: "quoted"\r\nand \\ more.'
THOUGHT = "The moon is full, 月.\nSo the tide is high."
TOOLS = [Tool("get_tide", {"port": "Saint-Malo", "at": [1, 2.5, None]}), Tool("get_time")]
SCENARIO = Scenario(
    [
        Rule(match="tide", reasoning=THOUGHT, say=SAID, usage=Tokens(11, 22, 3)),
        Rule(match="tools", tools=TOOLS),
        Rule(after_tool="get_tide", say="It says $result"),
        Rule(match="busy", fault=Fault(status=429, message="Slow down")),
        Rule(match="fails", say="a b c", fault=Fault(error_after=2, message="Broke down")),
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mock() -> AsyncIterator[MockServer]:
    async with mock_server(SCENARIO) as mock:
        yield mock


@pytest.fixture(params=READERS, ids=lambda read: read.__name__)
def read(request: pytest.FixtureRequest) -> Read:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_text_reasoning_and_usage(mock: MockServer, read: Read, stream: bool) -> None:
    heard = await read(mock.base_url, "When is the tide?", stream, None)
    assert (heard.text, heard.reasoning) == (SAID, THOUGHT)
    assert heard.used == (11, 22)
    assert (heard.pieces > 10) == stream


async def test_tools(mock: MockServer, read: Read, stream: bool) -> None:
    heard = await read(mock.base_url, "Use your tools", stream, None)
    assert heard.calls == [(tool.name, tool.arguments) for tool in TOOLS]


async def test_the_result_of_a_tool(mock: MockServer, read: Read) -> None:
    heard = await read(mock.base_url, "Use your tools", True, "noon")
    assert heard.text.startswith("It says") and "noon" in heard.text


async def test_a_status_that_refuses(mock: MockServer, read: Read, stream: bool) -> None:
    with pytest.raises(Refused, match="Slow down") as refused:
        await read(mock.base_url, "busy?", stream, None)
    assert refused.value.status == 429


async def test_an_error_in_the_stream(mock: MockServer, read: Read) -> None:
    with pytest.raises(Refused, match="Broke down"):
        await read(mock.base_url, "fails", True, None)


PARTS = [{"text": "When is the tide?"}]


@pytest.mark.parametrize(
    ("api", "model", "content", "in_pieces"),
    [
        # It asks for pieces and repeats them itself, but for these two models.
        (dashscope.Generation, "qwen-plus", "When is the tide?", True),
        (dashscope.Generation, "qwen-deep-research", "When is the tide?", False),
        (dashscope.MultiModalConversation, "qwen-vl-plus", PARTS, True),
        (dashscope.MultiModalConversation, "qwen3-omni-flash", PARTS, False),
    ],
)
async def test_dashscope_repeating_all_it_has_said(
    mock: MockServer, api: Any, model: str, content: Any, in_pieces: bool
) -> None:
    messages = [{"role": "user", "content": content}]
    asking = {"model": model, "messages": messages, "incremental_output": False}
    heard = await read_dashscope(api, mock.base_url, True, asking)
    assert (heard.text, heard.reasoning) == (SAID, THOUGHT)
    assert heard.pieces > 10
    assert bool(mock.requests[-1].body["parameters"].get("incremental_output")) == in_pieces
