"""The SDKs of Google, Ollama and DashScope read our mock as they read their vendors' own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias

import dashscope
import ollama
import pytest
import pytest_asyncio
from google import genai
from google.genai.errors import APIError

from tidewire.mock.question import text_of
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
        Rule(match="tide", reasoning=THOUGHT, say=SAID, usage=Tokens(11, 22, 3, 4)),
        Rule(match="tools", tools=TOOLS),
        Rule(after_tool="get_tide", say="It says $result"),
        Rule(match="busy", fault=Fault(status=429, message="Slow down")),
        Rule(match="fails", say="a b c", fault=Fault(error_after=2, message="Broke down")),
    ]
)


class Heard(NamedTuple):
    """What an SDK made of an answer. ``used``: tokens of the question and of the answer."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    used: tuple[int, int]
    pieces: int


class Refused(Exception):
    """What an SDK made of a refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Turns: TypeAlias = list[dict[str, Any]]
Ask: TypeAlias = Callable[[str, Turns, bool], Awaitable[Heard]]


async def ask_google(url: str, turns: Turns, stream: bool) -> Heard:
    client = genai.Client(api_key="none", http_options={"base_url": url}).aio
    question: Any = {"model": "gemini-3", "contents": [_content(turn) for turn in turns]}
    try:
        if stream:
            answer = await client.models.generate_content_stream(**question)
            chunks = [chunk async for chunk in answer]
        else:
            chunks = [await client.models.generate_content(**question)]
    except APIError as exc:
        raise Refused(exc.code, exc.message or "") from exc
    finally:
        await client.aclose()
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    calls = [part.function_call for part in parts if part.function_call]
    usage = chunks[-1].usage_metadata
    return Heard(
        _joined(part.text for part in parts if not part.thought),
        _joined(part.text for part in parts if part.thought),
        [(call.name, call.args) for call in calls],
        (usage.prompt_token_count, usage.candidates_token_count + usage.thoughts_token_count),
        len(chunks),
    )


def _content(turn: dict[str, Any]) -> dict[str, Any]:
    if turn["role"] == "tool":
        result = {"name": turn["tool_name"], "response": {"output": turn["content"]}}
        return {"role": "user", "parts": [{"function_response": result}]}
    return {"role": "user", "parts": [{"text": turn["content"]}]}


async def ask_ollama(url: str, turns: Turns, stream: bool) -> Heard:
    question: Any = {"model": "qwen3", "messages": turns, "think": True}
    async with ollama.AsyncClient(host=url) as client:
        try:
            if stream:
                chunks = [chunk async for chunk in await client.chat(stream=True, **question)]
            else:
                chunks = [await client.chat(**question)]
        except ollama.ResponseError as exc:
            raise Refused(exc.status_code, exc.error) from exc
    messages = [chunk.message for chunk in chunks]
    calls = [call.function for message in messages for call in message.tool_calls or []]
    return Heard(
        _joined(message.content for message in messages),
        _joined(message.thinking for message in messages),
        [(call.name, call.arguments) for call in calls],
        (chunks[-1].prompt_eval_count or 0, chunks[-1].eval_count or 0),
        len(chunks),
    )


async def ask_dashscope(url: str, turns: Turns, stream: bool) -> Heard:
    """A stream in pieces: ``incremental_output``."""
    question: Any = {"messages": turns, "model": "qwen-plus", "incremental_output": stream}
    return await asyncio.to_thread(_dashscope, dashscope.Generation, url, stream, question)


def _dashscope(api: Any, url: str, stream: bool, question: dict[str, Any]) -> Heard:
    called = api.call(
        api_key="none",
        base_address=f"{url}/api/v1",
        result_format="message",
        stream=stream,
        **question,
    )
    chunks = list(called) if stream else [called]
    for chunk in chunks:
        if chunk.status_code != HTTPStatus.OK:
            raise Refused(chunk.status_code, chunk.message)
    # Without incremental_output the last one holds all.
    telling = chunks if question["incremental_output"] else chunks[-1:]
    messages = [chunk.output.choices[0].message for chunk in telling]
    usage = chunks[-1].usage
    return Heard(
        _joined(text_of(message.content) for message in messages),
        _joined(message.reasoning_content for message in messages),
        _calls(fragment for message in messages for fragment in message.get("tool_calls") or []),
        (usage.input_tokens, usage.output_tokens),
        len(chunks),
    )


def _calls(fragments: Iterable[dict[str, Any]]) -> list[tuple[str, Any]]:
    """The calls of DashScope, which come in fragments: an id is where a call begins."""
    calls: list[tuple[str, str]] = []
    for fragment in fragments:
        function = fragment["function"]
        if fragment["id"]:
            calls.append((function["name"], function["arguments"]))
        else:
            name, arguments = calls[-1]
            calls[-1] = (name, arguments + function["arguments"])
    return [(name, json.loads(arguments)) for name, arguments in calls]


def _joined(pieces: Iterable[str | None]) -> str:
    return "".join(piece or "" for piece in pieces)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mock() -> AsyncIterator[MockServer]:
    async with mock_server(SCENARIO) as mock:
        yield mock


@pytest.fixture(params=[ask_google, ask_ollama, ask_dashscope])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def test_text_reasoning_and_usage(mock: MockServer, ask: Ask, stream: bool) -> None:
    heard = await ask(mock.base_url, [user("When is the tide?")], stream)
    assert (heard.text, heard.reasoning) == (SAID, THOUGHT)
    assert heard.used == (11, 22)
    assert (heard.pieces > 10) == stream


async def test_tools(mock: MockServer, ask: Ask, stream: bool) -> None:
    heard = await ask(mock.base_url, [user("Use your tools")], stream)
    assert heard.calls == [(tool.name, tool.arguments) for tool in TOOLS]


async def test_the_result_of_a_tool(mock: MockServer, ask: Ask) -> None:
    names = {"name": "get_tide", "tool_name": "get_tide"}  # DashScope's word, and Ollama's
    result = {"role": "tool", "content": "noon", **names}
    heard = await ask(mock.base_url, [user("Use your tools"), result], True)
    assert heard.text.startswith("It says") and "noon" in heard.text


async def test_a_status_that_refuses(mock: MockServer, ask: Ask, stream: bool) -> None:
    with pytest.raises(Refused, match="Slow down") as refused:
        await ask(mock.base_url, [user("busy?")], stream)
    assert refused.value.status == 429


async def test_an_error_in_the_stream(mock: MockServer, ask: Ask) -> None:
    with pytest.raises(Refused, match="Broke down"):
        await ask(mock.base_url, [user("fails")], True)


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
    question: Any = {"model": model, "messages": messages, "incremental_output": False}
    heard = await asyncio.to_thread(_dashscope, api, mock.base_url, True, question)
    assert (heard.text, heard.reasoning) == (SAID, THOUGHT)
    assert heard.pieces > 10
    assert bool(mock.requests[-1].body["parameters"].get("incremental_output")) == in_pieces
