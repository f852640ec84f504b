"""Clients of OpenAI's API other than its Python package ask our server: openai for Node,
which resumes and cancels too, and LangChain, which reads our mock as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.interop import typescript
from tests.interop.waiting_model import WaitingModel, serving
from tidewire.testing import Fault, Rule, Scenario, Tokens, Tool, mock_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAID = "Sunny and 🌊."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[WaitingModel, str]]:
    async with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def printed(
    served: tuple[WaitingModel, str], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What openai.ts was told."""
    return await typescript.run("openai.ts", tmp_path_factory.mktemp("node"), served[1])


async def test_node_completes_a_chat_streamed_and_not(printed: Any) -> None:
    whole, streamed = printed["completions"]["whole"], printed["completions"]["streamed"]
    for completion in (whole, streamed):
        (choice,) = completion["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == (SAID, "stop")
        assert (completion["model"], completion["id"][:4]) == ("gpt", "run_")
        assert completion["usage"]["total_tokens"] == 12


async def test_node_calls_a_tool_streamed_and_not(printed: Any) -> None:
    for asked in printed["tools"]:
        assert asked["reason"] == "tool_calls"
        function = asked["call"]["function"]
        assert function == {"name": "weather", "arguments": '{"city":"Lisbon"}'}
        assert asked["answer"] == SAID


async def test_node_reads_a_response_after_a_tool_call(printed: Any) -> None:
    response = printed["response"]
    (call,) = response["called"]
    assert (call["name"], call["arguments"]) == ("weather", '{"city":"Lisbon"}')
    assert response["numbers"] == list(range(len(response["numbers"])))
    assert response["streamed"]["status"] == "completed"
    assert response["streamed"]["output_text"] == SAID


async def test_node_resumes_a_response_after_a_cut(printed: Any) -> None:
    resumed = printed["resumed"]
    assert resumed["status"] == "in_progress"
    numbers = [event["sequence_number"] for event in resumed["events"]]
    assert numbers == list(range(len(numbers)))
    assert resumed["events"][-1]["type"] == "response.completed"
    assert resumed["whole"]["output_text"] == resumed["accumulated"]["output_text"] == SAID


async def test_node_cancels_a_response(printed: Any) -> None:
    first, again = printed["cancelled"]["answers"]
    assert first == again
    assert first["status"] == "cancelled"
    assert first["output"][0]["content"][0]["text"] == "Sunny "
    assert printed["cancelled"]["types"][-1] == "response.incomplete"


async def test_node_throws_errors_of_its_own(printed: Any) -> None:
    unknown, gone = printed["refused"]
    assert (unknown["name"], unknown["status"]) == ("NotFoundError", 404)
    assert "no model 'none'" in unknown["message"]
    assert (gone["name"], gone["status"]) == ("InternalServerError", 502)
    assert gone["code"] == "upstream_unreachable"


@pytest.fixture
def chat(served: tuple[WaitingModel, str]) -> ChatOpenAI:
    return ChatOpenAI(
        model="gpt", base_url=f"{served[1]}/v1", api_key="none", max_retries=0, stream_usage=True
    )


async def gathered(chunks: AsyncIterator[Any]) -> AIMessageChunk:
    """What a stream of LangChain adds up to."""
    whole = await anext(chunks)
    async for chunk in chunks:
        whole += chunk
    return whole


async def test_langchain_streams_with_usage(chat: ChatOpenAI) -> None:
    pieces = [piece async for piece in chat.astream("How is it?")]
    assert len([piece for piece in pieces if piece.text]) > 1
    streamed = await gathered(chat.astream("How is it?"))
    whole = await chat.ainvoke("How is it?")
    assert streamed.text == whole.text == SAID
    assert streamed.usage_metadata == whole.usage_metadata
    assert whole.usage_metadata is not None and whole.usage_metadata["total_tokens"] == 12
    assert streamed.response_metadata["finish_reason"] == "stop"


async def test_langchain_calls_a_tool_and_tells_its_answer(
    chat: ChatOpenAI, served: tuple[WaitingModel, str]
) -> None:
    def weather(city: str) -> str:
        """How it is."""
        return f"sun in {city}"

    caller = chat.bind_tools([weather])
    asked = await gathered(caller.astream("How is it?"))
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Lisbon"})
    result = ToolMessage(weather(**call["args"]), tool_call_id=call["id"])
    answer = await caller.ainvoke([HumanMessage("How is it?"), asked, result])
    assert answer.text == SAID
    body = served[0].body
    assert body["tools"][0]["function"]["description"] == "How it is."
    assert body["messages"][-1]["content"] == "sun in Lisbon"
    assert body["messages"][-1]["tool_call_id"] == body["messages"][-2]["tool_calls"][0]["id"]


async def test_langchain_raises_the_errors_of_openai(chat: ChatOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'none'"):
        await chat.bind(model="none").ainvoke("Anybody there?")


async def test_langchain_reads_our_mock() -> None:
    tool = Tool("get_tide", {"port": "Saint-Malo"})
    rules = [
        Rule(match="tide", say="At noon 漲潮 🌊.", tools=[tool], usage=Tokens(11, 22)),
        Rule(match="busy", fault=Fault(status=429, message="Slow down")),
    ]
    async with mock_server(Scenario(rules)) as mock:
        chat = ChatOpenAI(model="m", base_url=f"{mock.base_url}/v1", api_key="none", max_retries=0)
        for answer in (
            await gathered(chat.astream("When is the tide?", stream_usage=True)),
            await chat.ainvoke("When is the tide?"),
        ):
            assert answer.text == "At noon 漲潮 🌊."
            assert [(call["name"], call["args"]) for call in answer.tool_calls] == [
                (tool.name, tool.arguments)
            ]
            assert answer.usage_metadata is not None
            assert answer.usage_metadata["output_tokens"] == 22
        with pytest.raises(openai.RateLimitError, match="Slow down"):
            await chat.ainvoke("busy?")
