"""Each of our adapters reads from the mock exactly what the scenario says."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from msgspec.structs import astuple, replace

from tidewire.answers.events import AnswerEvent, RunFinished, ToolArgs
from tidewire.answers.fold import Message, ReasoningPart, SourcePart, ToolPart, fold
from tidewire.models.base import ChatMessage, ChatRequest, Finish, Text, ToolCall, ToolSpec
from tidewire.models.registry import build
from tidewire.testing import (
    Cited,
    Fault,
    Rule,
    Scenario,
    Tokens,
    Tool,
    mock_server,
    parse_events,
)

PATHS = {
    "openai": "/v1",
    "openai-responses": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "ollama": "",
    "dashscope": "/api/v1",
}
SAID = 'High water, 漲潮 🌊 👩‍👩‍👧, at noon.\n\ndata: "quoted"\r\nand \\ more.'
THOUGHT = "The moon is full, 月.\nSo the tide is high."
TOOLS = [Tool("get_tide", {"port": "Saint-Malo", "at": [1, 2.5, None]}), Tool("no_arguments")]
WHOLE = Rule(reasoning=THOUGHT, say=SAID, tools=TOOLS, usage=Tokens(11, 22, 3, 4))
QUESTION = ChatRequest(
    [ChatMessage("system", "Be brief."), ChatMessage("user", "When?")],
    tools=[ToolSpec("get_tide", "When it is high"), ToolSpec("no_arguments")],
)


async def heard(
    api: str, *rules: Rule, request: ChatRequest = QUESTION, **settings: Any
) -> list[AnswerEvent]:
    """The events that our adapter makes of the mock's answer."""
    async with mock_server(Scenario([*rules])) as mock:
        model = build("tide-1", {"api": api, "base_url": mock.base_url + PATHS[api], **settings})
        try:
            return [event async for event in model.answer(request)]
        finally:
            await model.aclose()


async def ask(api: str, *rules: Rule, **more: Any) -> Message:
    return folded(await heard(api, *rules, **more))


def folded(events: list[AnswerEvent]) -> Message:
    return fold(RunFinished(e.reason) if isinstance(e, Finish) else e for e in events)


def reasoning(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, ReasoningPart))


def calls(message: Message) -> list[tuple[str, Any]]:
    parts = [part for part in message.parts if isinstance(part, ToolPart)]
    assert len({part.id for part in parts}) == len(parts)
    return [(part.name, part.input) for part in parts]


def assert_whole(message: Message) -> None:
    assert message.text == SAID
    assert reasoning(message) == THOUGHT
    assert calls(message) == [(tool.name, tool.arguments) for tool in TOOLS]
    assert message.usage is not None
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 22)
    assert message.finish_reason == "tool_calls"


@pytest.mark.parametrize("fault", [Fault(), Fault(split=True)], ids=["whole", "split"])
@pytest.mark.parametrize("api", PATHS)
async def test_text_reasoning_tools_and_usage(api: str, fault: Fault) -> None:
    assert_whole(await ask(api, replace(WHOLE, fault=fault)))


async def test_dashscope_repeating_all_it_has_said() -> None:
    assert_whole(await ask("dashscope", WHOLE, incremental_output=False))


@pytest.mark.parametrize("incremental", [True, False])
async def test_dashscope_that_sees(incremental: bool) -> None:
    request = ChatRequest([ChatMessage("user", [Text("When?")])])
    message = await ask(
        "dashscope",
        Rule(match="when", say=SAID),
        request=request,
        multimodal=True,
        incremental_output=incremental,
    )
    assert message.text == SAID


@pytest.mark.parametrize("reason", ["stop", "length"])
@pytest.mark.parametrize("api", PATHS)
async def test_why_it_ended(api: str, reason: str) -> None:
    assert (await ask(api, Rule(say="Hi", finish=reason))).finish_reason == reason


@pytest.mark.parametrize("api", ["openai", "openai-responses", "anthropic", "gemini"])
async def test_what_was_filtered(api: str) -> None:
    assert (await ask(api, Rule(finish="content_filter"))).finish_reason == "content_filter"


PAGE = Cited(url="https://tides.example/", title="Tides")
BOOK = Cited(document="almanac", title="Almanac", quote="12:00")
CITED = {
    "openai": [PAGE],
    "openai-responses": [PAGE, replace(BOOK, quote="")],
    "anthropic": [PAGE, BOOK],
    "gemini": [PAGE, BOOK],
    "dashscope": [PAGE],
    "ollama": [],
}


@pytest.mark.parametrize("api", PATHS)
async def test_what_is_cited_as_far_as_the_vendor_tells_it(api: str) -> None:
    message = await ask(api, Rule(say="At noon.", sources=[PAGE, BOOK]))
    assert message.text == "At noon."
    cited = [part for part in message.parts if isinstance(part, SourcePart)]
    told = [(part.url, part.document, part.title, part.quote) for part in cited]
    assert told == [tuple(field or None for field in astuple(one)) for one in CITED[api]]


@pytest.mark.parametrize("api", PATHS)
async def test_a_refusal(api: str) -> None:
    message = await ask(api, Rule(refuse="No, 不."))
    assert message.text == "No, 不."
    is_told_from_text = api not in ("dashscope", "ollama")
    assert message.finish_reason == ("content_filter" if is_told_from_text else "stop")


@pytest.mark.parametrize("api", ["openai", "openai-responses", "anthropic", "dashscope"])
async def test_calls_that_interleave(api: str) -> None:
    twins = [Tool("get_tide", {"port": "a"}), Tool("get_tide", {"port": "b"})]
    events = await heard(api, Rule(tools=twins, interleave=True))
    turns = [event.call for event in events if isinstance(event, ToolArgs)]
    assert turns[0] != turns[1] != turns[2]
    assert calls(folded(events)) == [(tool.name, tool.arguments) for tool in twins]


@pytest.mark.parametrize("api", PATHS)
async def test_a_tools_result_is_answered_by_its_own_rule(api: str) -> None:
    conversation = [
        *QUESTION.messages,
        ChatMessage("assistant", tool_calls=[ToolCall("call_1", "get_tide", {"port": "x"})]),
        ChatMessage("tool", "at noon", tool_call_id="call_1"),
    ]
    message = await ask(
        api,
        Rule(say="Not this one."),
        Rule(after_tool="get_wind", say="Nor this one."),
        Rule(after_tool="get_*", say="You asked $question It is $result, says $model."),
        request=ChatRequest(conversation, tools=QUESTION.tools),
    )
    assert message.text.startswith("You asked When? It is ")
    assert "at noon" in message.text
    assert message.text.endswith(", says tide-1.")


@pytest.mark.parametrize("api", PATHS)
async def test_usage_is_counted_where_none_is_given(api: str) -> None:
    message = await ask(api, Rule(reasoning="one two", say="three four five"))
    assert message.usage is not None
    assert message.usage.output_tokens == 5
    assert message.usage.input_tokens == 5  # Be brief . When ?
    assert not message.usage.estimated


DOCUMENTS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "When?"}]},
    "/v1/responses": {"input": "When?"},
    "/v1/messages": {"messages": [{"role": "user", "content": "When?"}]},
    "/v1beta/models/g:generateContent": {"contents": [{"parts": [{"text": "When?"}]}]},
    "/api/chat": {"messages": [{"role": "user", "content": "When?"}], "stream": False},
    "/api/v1/services/aigc/text-generation/generation": {"input": {"prompt": "When?"}},
    "/v1/chat-messages": {"query": "When?", "response_mode": "blocking"},
}


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_the_whole_answer_at_once(path: str) -> None:
    async with mock_server(Scenario([Rule(match="when", say="At noon.")])) as mock:
        async with httpx.AsyncClient(base_url=mock.base_url) as client:
            answer = await client.post(path, json=DOCUMENTS[path])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert '"At noon."' in answer.text


async def test_dify() -> None:
    rule = Rule(reasoning="Hm.", say="At noon.", tools=[Tool("get_tide", {"port": "x"})])
    question = {"query": "When?", "response_mode": "streaming", "conversation_id": "c-1"}
    async with mock_server(Scenario([rule])) as mock:
        async with httpx.AsyncClient(base_url=mock.base_url) as client:
            answer = await client.post("/v1/chat-messages", json=question)
    assert answer.content.startswith(b'event: ping\n\ndata: {"event":"agent_thought"')
    events = [json.loads(event.data) for event in parse_events(answer.content)]
    assert {event["conversation_id"] for event in events} == {"c-1"}
    said = [event["answer"] for event in events if event["event"] == "message"]
    assert "".join(said) == "At noon."
    thoughts = [event for event in events if event["event"] == "agent_thought"]
    assert [(one["thought"], one["tool"], one["tool_input"]) for one in thoughts] == [
        ("Hm.", "", ""),
        ("", "get_tide", '{"port":"x"}'),
    ]
    assert events[-1]["event"] == "message_end"
    assert events[-1]["metadata"]["usage"]["total_tokens"] > 4
