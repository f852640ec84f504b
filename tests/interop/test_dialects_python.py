"""The Python SDKs of OpenAI and Anthropic read our streams as those of their own vendors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from openai.types.responses import ResponseUsage

from tests.interop.scripted_server import ScriptedServer, silence
from tidewire.answers.events import (
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.errors import UpstreamBroken
from tidewire.models.base import Finish

TEXT = [TextStart("t1"), TextDelta("t1", "Sunny "), silence, TextDelta("t1", "🌊"), TextEnd("t1")]
ANSWER = [
    ReasoningStart("r1"), ReasoningDelta("r1", "Let me "), ReasoningDelta("r1", "see."),
    ReasoningEnd("r1", "proof"),
    *TEXT[:2], Source("1", url="https://example.com/", title="Weather", quote="Sun."), *TEXT[2:],
    Source("2", url="https://example.org/"),
    ToolStart("call_1", "weather"), ToolStart("call_2", "tide"),
    ToolArgs("call_1", '{"city":'), ToolArgs("call_2", "{}"), ToolArgs("call_1", '"Lisbon"}'),
    ToolReady("call_1", "weather", {"city": "Lisbon"}), ToolReady("call_2", "tide", {}),
    Usage(12, 7, reasoning_tokens=3, cached_tokens=4), Finish("tool_calls"),
]  # fmt: skip
PAGES = ["https://example.com/", "https://example.org/"]
CALLS = [("call_1", "weather", '{"city":"Lisbon"}'), ("call_2", "tide", "{}")]


async def breaks_off() -> None:
    raise UpstreamBroken("The model broke off.")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().running() as server:
        yield server


@pytest.fixture
async def gpt(server: ScriptedServer) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(server: ScriptedServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        api_key="none", base_url=server.url, max_retries=0
    ) as client:
        yield client


QUESTION = [{"role": "user", "content": "How is the weather?"}]


async def test_chat_completions(server: ScriptedServer, gpt: openai.AsyncOpenAI) -> None:
    server.script = ANSWER
    asked = gpt.chat.completions.stream(
        model="m", messages=QUESTION, extra_query={"dialect": "openai"}
    )
    reasoning = ""
    async with asked as stream:
        async for event in stream:
            if event.type == "chunk":
                delta = event.chunk.choices[0].delta
                reasoning += getattr(delta, "reasoning_content", "")
        completion = await stream.get_final_completion()
    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == ("Sunny 🌊", "tool_calls")
    calls = choice.message.tool_calls
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == CALLS
    assert reasoning == "Let me see."
    assert [cited.url_citation.url for cited in choice.message.annotations] == PAGES
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 7, 19)
    assert usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens_details.reasoning_tokens == 3
    assert completion.id.startswith("run_") and completion.created > 1_700_000_000


async def test_a_chat_completion_that_breaks_off(
    server: ScriptedServer, gpt: openai.AsyncOpenAI
) -> None:
    server.script = [*TEXT, breaks_off]
    stream = await gpt.chat.completions.create(
        model="m", messages=QUESTION, stream=True, extra_query={"dialect": "openai"}
    )
    text = ""
    with pytest.raises(openai.APIError, match="The model broke off") as raised:
        async for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    assert (text, raised.value.code) == ("Sunny 🌊", "upstream_broken")


async def test_responses(server: ScriptedServer, gpt: openai.AsyncOpenAI) -> None:
    server.script = ANSWER
    query = {"dialect": "openai-responses"}
    numbers = []
    async with gpt.responses.stream(model="m", input="Hm?", extra_query=query) as stream:
        async for event in stream:
            numbers.append(event.sequence_number)
        response = await stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert (response.status, response.output_text) == ("completed", "Sunny 🌊")
    thought, message, *calls, sources = response.output
    assert [part.text for part in thought.summary] == ["Let me see."]
    assert thought.encrypted_content == "proof"
    cited = [*message.content[0].annotations, *sources.content[0].annotations]
    assert [(page.type, page.url) for page in cited] == [("url_citation", page) for page in PAGES]
    assert [(c.call_id, c.name, c.arguments) for c in calls] == CALLS
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens) == (12, 7)
    assert ResponseUsage.model_validate(usage.model_dump()) == usage


async def test_a_response_that_breaks_off(server: ScriptedServer, gpt: openai.AsyncOpenAI) -> None:
    server.script = [*TEXT, breaks_off]
    stream = await gpt.responses.create(
        model="m", input="Hm?", stream=True, extra_query={"dialect": "openai-responses"}
    )
    *_, last = [event async for event in stream]
    assert (last.type, last.response.status) == ("response.failed", "failed")
    assert last.response.error.code == "upstream_broken"
    assert last.response.output_text == "Sunny 🌊"


async def test_messages(server: ScriptedServer, claude: anthropic.AsyncAnthropic) -> None:
    server.script = ANSWER
    asked = claude.messages.stream(
        model="m", max_tokens=99, messages=QUESTION, extra_query={"dialect": "anthropic"}
    )
    async with asked as stream:
        text = "".join([piece async for piece in stream.text_stream])
        message = await stream.get_final_message()
    thought, said, *calls, sources = message.content
    assert (thought.thinking, thought.signature) == ("Let me see.", "proof")
    assert said.text == text == "Sunny 🌊"
    cited = [*said.citations, *sources.citations]
    assert [(page.url, page.cited_text) for page in cited] == [(PAGES[0], "Sun."), (PAGES[1], "")]
    inputs = [(call.id, call.name, call.input) for call in calls]
    assert inputs == [("call_1", "weather", {"city": "Lisbon"}), ("call_2", "tide", {})]
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (8, 4, 7)


async def test_a_message_that_breaks_off(
    server: ScriptedServer, claude: anthropic.AsyncAnthropic
) -> None:
    server.script = [*TEXT, breaks_off]
    text = ""
    with pytest.raises(anthropic.APIStatusError, match="The model broke off"):
        asked = claude.messages.stream(
            model="m", max_tokens=99, messages=QUESTION, extra_query={"dialect": "anthropic"}
        )
        async with asked as stream:
            async for piece in stream.text_stream:
                text += piece
    assert text == "Sunny 🌊"
