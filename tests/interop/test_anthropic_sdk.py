"""The official anthropic package asks our server, streamed and not, and is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
import pytest_asyncio

from tests.e2e.tidewire_process import TidewireProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIG = """
[models.demo]
api = "demo"
first_token_seconds = 0
tokens_per_second = 0
[models.gone]
api = "openai"
base_url = "http://127.0.0.1:9/v1"
max_retries = 0
"""
QUESTION: Any = {
    "model": "demo",
    "max_tokens": 2000,
    "messages": [{"role": "user", "content": "the weather, and think"}],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def claude(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    process = TidewireProcess(tmp_path_factory.mktemp("anthropic"), CONFIG)
    try:
        await process.start()
        async with anthropic.AsyncAnthropic(
            auth_token="none", base_url=process.url, max_retries=0
        ) as client:
            yield client
    finally:
        await process.stop()


async def test_a_message_streamed_and_not(claude: anthropic.AsyncAnthropic) -> None:
    key = {"Idempotency-Key": "both"}
    async with claude.messages.stream(**QUESTION, extra_headers=key) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        streamed = await stream.get_final_message()
    whole = await claude.messages.create(**QUESTION, extra_headers=key)
    assert whole.model_dump() == streamed.model_dump()
    assert "".join(block.text for block in whole.content if block.type == "text") == text != ""
    assert {block.type for block in whole.content} == {"thinking", "text", "tool_use"}
    assert whole.stop_reason == "end_turn"


async def test_what_was_said_can_be_sent_again(claude: anthropic.AsyncAnthropic) -> None:
    first = await claude.messages.create(**QUESTION)
    result = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sun"}
        for block in first.content
        if block.type == "tool_use"
    ]
    said = [{"role": "assistant", "content": first.content}, {"role": "user", "content": result}]
    messages = [*QUESTION["messages"], *said]
    second = await claude.messages.create(**QUESTION | {"messages": messages})
    assert second.usage.input_tokens > first.usage.input_tokens


async def test_errors_are_the_sdks_own(claude: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="no model 'none'"):
        await claude.messages.create(**QUESTION | {"model": "none"})
    with pytest.raises(anthropic.BadRequestError, match="bash_1"):
        await claude.messages.create(**QUESTION, tools=[{"type": "bash_1", "name": "bash"}])  # type: ignore[list-item]
    with pytest.raises(anthropic.InternalServerError) as raised:
        await claude.messages.create(**QUESTION | {"model": "gone"})
    assert raised.value.status_code == 502
    assert [model.id async for model in claude.models.list()] == ["demo", "gone"]
