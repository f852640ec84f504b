"""The official openai package asks our server, which asks a model: whole, both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from pydantic import BaseModel

from tests.interop.waiting_model import ARGUMENTS, WaitingModel, serving
from tidewire.wire.parser import Parser

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "description": "How it is", "parameters": PARAMETERS}
QUESTION: Any = [{"role": "user", "content": "How is it in Lisbon?"}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[WaitingModel, str]]:
    async with serving(tmp_path_factory.mktemp("openai")) as served:
        yield served


@pytest.fixture
def upstream(served: tuple[WaitingModel, str]) -> WaitingModel:
    return served[0]


@pytest_asyncio.fixture(loop_scope="session")
async def gpt(served: tuple[WaitingModel, str]) -> AsyncIterator[openai.AsyncOpenAI]:
    upstream, url = served
    upstream.gate.clear()
    async with openai.AsyncOpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0) as client:
        yield client
    upstream.gate.set()  # what waits there would wait for ever


async def test_a_completion_streamed_and_not(gpt: openai.AsyncOpenAI) -> None:
    whole = await gpt.chat.completions.create(model="gpt", messages=QUESTION)
    (choice,) = whole.choices
    assert (choice.message.content, choice.finish_reason) == ("Sunny and 🌊.", "stop")
    assert (whole.model, whole.id[:4]) == ("gpt", "run_")
    assert whole.usage is not None and whole.usage.total_tokens == 12
    stream = await gpt.chat.completions.create(
        model="gpt", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Sunny and 🌊."
    assert (last.choices, last.usage) == ([], whole.usage)


async def test_a_tool_is_called_and_its_answer_taken(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    tools: Any = [{"type": "function", "function": FUNCTION}]
    asked = await gpt.chat.completions.create(model="gpt", messages=QUESTION, tools=tools)
    (choice,) = asked.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", ARGUMENTS)
    result = {"role": "tool", "tool_call_id": call.id, "content": "sun"}
    told = [*QUESTION, choice.message, result]
    answer = await gpt.chat.completions.create(model="gpt", messages=told, tools=tools)
    assert answer.choices[0].message.content == "Sunny and 🌊."
    user, assistant, tool = upstream.body["messages"]
    assert user == QUESTION[0]
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == call.id
    assert upstream.body["tools"][0]["function"] == FUNCTION


async def test_what_is_asked_arrives_at_the_model(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    class Weather(BaseModel):
        city: str

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked = gpt.chat.completions.stream(
        model="gpt",
        messages=[{"role": "user", "content": [{"type": "text", "text": "Look"}, image]}],
        response_format=Weather,
        max_completion_tokens=9,
        seed=7,
        stop=["END"],
        temperature=0.5,
        top_p=0.9,
        user="u",
    )
    async with asked as stream:
        completion = await stream.get_final_completion()
    assert completion.choices[0].message.parsed == Weather(city="Lisbon")
    body = upstream.body
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Look"}, image]
    assert body["response_format"]["json_schema"]["name"] == "Weather"
    assert body["response_format"]["json_schema"]["strict"] is True
    told = {name: body[name] for name in ("max_tokens", "seed", "stop", "temperature", "top_p")}
    assert told == dict(max_tokens=9, seed=7, stop=["END"], temperature=0.5, top_p=0.9)


async def test_errors_are_the_sdks_own(gpt: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'none'"):
        await gpt.chat.completions.create(model="none", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="n must be 1"):
        await gpt.chat.completions.create(model="gpt", messages=QUESTION, n=2)
    for stream in (True, False):
        with pytest.raises(openai.InternalServerError) as raised:
            await gpt.chat.completions.create(model="gone", messages=QUESTION, stream=stream)
        assert (raised.value.status_code, raised.value.code) == (502, "upstream_unreachable")
    assert {model.id async for model in gpt.models.list()} == {"gpt", "gone"}
    assert (await gpt.models.retrieve("gpt")).owned_by == "openai"


async def test_a_stream_that_is_left_is_read_again_by_another_client(
    gpt: openai.AsyncOpenAI, served: tuple[WaitingModel, str]
) -> None:
    created = await gpt.chat.completions.with_raw_response.create(
        model="gpt", messages=[{"role": "user", "content": "wait"}], stream=True
    )
    run = created.headers["x-run-id"]
    async for piece in created.parse():
        if piece.choices[0].delta.content:
            break
    await created.http_response.aclose()
    upstream, url = served
    upstream.gate.set()
    again = await gpt.chat.completions.create(
        model="gpt", messages=QUESTION, extra_headers={"X-Run-Id": run}
    )
    assert again.choices[0].message.content == "Sunny and 🌊."
    async with httpx.AsyncClient(base_url=url) as client:
        stream = await client.get(f"/api/streams/{run}", params={"dialect": "d"})
    *pieces, done = Parser().feed(stream.content)
    assert "".join(json.loads(piece.data)["d"] for piece in pieces) == "Sunny and 🌊."
    assert done.event == "done"


async def test_who_leaves_and_asked_for_it_ends_the_answer_at_the_model(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    upstream.asked.clear()
    asking = asyncio.create_task(
        gpt.chat.completions.create(
            model="gpt",
            messages=[{"role": "user", "content": "wait"}],
            extra_body={"on_disconnect": "cancel"},
        )
    )
    await upstream.asked.wait()
    asking.cancel()
    async with asyncio.timeout(10):
        await upstream.exchanges[-1].gone.wait()


async def test_a_response_streamed_and_not_with_a_tool(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    tools: Any = [{"type": "function", "strict": False, **FUNCTION}]
    asked = await gpt.responses.create(model="gpt", input="How is it?", tools=tools)
    (call,) = asked.output
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("weather", ARGUMENTS)
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    told = [*QUESTION, call.model_dump(), output]
    async with gpt.responses.stream(
        model="gpt", instructions="Be brief.", input=told, tools=tools
    ) as stream:
        events = [event async for event in stream]
        answer = await stream.get_final_response()
    assert (answer.status, answer.output_text) == ("completed", "Sunny and 🌊.")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    system, _, assistant, tool = upstream.body["messages"]
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == call.call_id


async def test_a_response_in_the_background_is_followed_from_where_it_was_left(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    begun = await gpt.responses.create(model="gpt", input="wait", background=True, stream=True)
    seen = []
    async for event in begun:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    await begun.close()
    id = seen[0].response.id  # type: ignore[union-attr]
    assert (await gpt.responses.retrieve(id)).status == "in_progress"
    upstream.gate.set()
    last = seen[-1].sequence_number
    rest = await gpt.responses.retrieve(id, stream=True, starting_after=last)
    seen += [event async for event in rest]
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert seen[-1].type == "response.completed"
    assert (await gpt.responses.retrieve(id)).output_text == "Sunny and 🌊."
    async with gpt.responses.stream(response_id=id, starting_after=last) as stream:
        assert (await stream.get_final_response()).output_text == "Sunny and 🌊."


async def test_a_response_in_the_background_is_cancelled_at_the_model_too(
    gpt: openai.AsyncOpenAI, upstream: WaitingModel
) -> None:
    upstream.asked.clear()
    queued = await gpt.responses.create(model="gpt", input="wait", background=True)
    assert queued.status == "in_progress"
    await upstream.asked.wait()
    cancelled = await gpt.responses.cancel(queued.id)
    assert cancelled.status == "cancelled"
    assert await gpt.responses.cancel(queued.id) == cancelled
    async with asyncio.timeout(10):
        await upstream.exchanges[-1].gone.wait()
