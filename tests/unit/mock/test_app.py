"""The mock as a server: what it serves, what it refuses, what it tells of its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import openai
import pytest

from tidewire.testing import Fault, MockServer, Rule, Scenario, Tokens, Tool, mock_server

CHAT = "/v1/chat/completions"


def asking(text: str, *, stream: bool = True) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    return {"model": "gpt-4o", "messages": messages, "stream": stream}


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with mock_server() as mock:
        yield mock


@pytest.fixture
async def client(mock: MockServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mock.base_url) as client:
        yield client


async def test_what_it_serves(client: httpx.AsyncClient) -> None:
    about = (await client.get("/")).json()
    assert about["serves"]["openai"] == f"POST {CHAT}"
    assert len(about["serves"]) == 7
    assert "break_after" in about["faults"]["known"]


async def test_without_a_scenario_it_says_the_question_back(client: httpx.AsyncClient) -> None:
    answer = await client.post(CHAT, json=asking("¿Qué? 潮水 $5", stream=False))
    assert answer.json()["choices"][0]["message"]["content"] == "¿Qué? 潮水 $5"


async def test_what_became_of_each_request(mock: MockServer, client: httpx.AsyncClient) -> None:
    key = {"authorization": "Bearer sk-very-secret"}
    await client.post(CHAT, json=asking("one"), headers=key)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(CHAT, json=asking("two"), headers={"x-mock-fault": "break-after=1"})
    async with client.stream("POST", f"{CHAT}?mock-fault=stall-after=1", json=asking("three")):
        pass
    async with asyncio.timeout(10):
        await mock.requests[2].ended.wait()
    answer = await client.get("/requests")
    report = answer.json()
    states = [(request["question"], request["state"]) for request in report["requests"]]
    assert states == [("one", "finished"), ("two", "broken"), ("three", "left")]
    counts = {name: report[name] for name in ("answering", "finished", "broken", "left")}
    assert counts == {"answering": 0, "finished": 1, "broken": 1, "left": 1}
    assert mock.requests[0].headers["authorization"] == "Bearer sk-very-secret"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (CHAT, ("error", "message")),
        ("/v1/responses", ("error", "message")),
        ("/v1/messages", ("error", "message")),
        ("/v1beta/models/g:generateContent", ("error", "message")),
        ("/v1/models/g:streamGenerateContent?alt=sse", ("error", "message")),
        ("/api/chat", ("error",)),
        ("/api/v1/services/aigc/text-generation/generation", ("message",)),
        ("/v1/chat-messages", ("message",)),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"input": 7, "messages": 7, "contents": 7}', b'{"\xff": 7}', b"[" * 9999],
    ids=["nothing", "list", "empty", "numbers", "latin", "deep"],
)
async def test_a_request_that_is_none(
    client: httpx.AsyncClient, path: str, where: tuple[str, ...], body: bytes
) -> None:
    """Refused in the vendor's own words."""
    answer = await client.post(path, content=body)
    assert answer.status_code == 400
    said = answer.json()
    for name in where:
        said = said[name]
    assert said in ("The body must be a JSON object.", "The request has no messages.")


async def test_a_path_that_is_not_served(mock: MockServer, client: httpx.AsyncClient) -> None:
    assert (await client.post("/v2/chat", json={})).status_code == 404
    assert (await client.get(CHAT)).status_code == 404
    assert [request.path for request in mock.requests] == ["/v2/chat", CHAT]


async def test_an_unknown_fault_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.post(CHAT, json=asking("x"), headers={"x-mock-fault": "brake"})
    assert answer.status_code == 400
    assert "brake" in answer.json()["error"]["message"]


async def test_another_scenario(mock: MockServer, client: httpx.AsyncClient) -> None:
    mock.play('[[rule]]\nsay = "Low water."\nfault = { status = 500, times = 1 }')
    statuses = [(await client.post(CHAT, json=asking("x"))).status_code for _ in range(3)]
    assert statuses == [500, 200, 200]
    mock.play(Scenario([Rule(say="High water.", fault=Fault(status=500, times=1))]))
    assert (await client.post(CHAT, json=asking("x"))).status_code == 500
    answer = await client.post(CHAT, json=asking("x", stream=False))
    assert "High water." in answer.text
    assert mock.requests[-1].rule == 0


async def test_the_same_series_has_the_same_answers(client: httpx.AsyncClient) -> None:
    async with mock_server() as twin, httpx.AsyncClient(base_url=twin.base_url) as other:
        mine = [(await client.post(CHAT, json=asking("x"))).text[:60] for _ in range(2)]
        others = [(await other.post(CHAT, json=asking("x"))).text[:60] for _ in range(2)]
    assert mine == others
    assert mine[0] != mine[1]


async def test_who_is_still_connected_is_cut_off_at_the_end() -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(10):
        async with mock_server() as mock:
            url = f"{mock.base_url}{CHAT}?mock-fault=stall-after=1"
            answer = await client.send(
                client.build_request("POST", url, json=asking("x")), stream=True
            )
        assert mock.requests[0].state == "left"
        with pytest.raises(httpx.TransportError):
            await answer.aread()


async def test_openai_tells_usage_only_if_asked(client: httpx.AsyncClient) -> None:
    asked = {"stream_options": {"include_usage": True}}
    told = (await client.post(CHAT, json=asking("x") | asked)).text
    untold = (await client.post(CHAT, json=asking("x"))).text
    assert '"usage":null' in told
    assert '"usage":{"prompt_tokens":1' in told
    assert "usage" not in untold


# OpenAI's own client


WEATHER = Scenario(
    [
        Rule(match="weather", tools=[Tool("get_weather", {"city": "Paris"})]),
        Rule(after_tool="get_weather", say="It is $result.", usage=Tokens(9, 4)),
    ]
)


def sdk(mock: MockServer, **options: object) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{mock.base_url}/v1", api_key="none", **options)  # type: ignore[arg-type]


async def test_openai_python_calls_a_tool_and_hears_the_answer(mock: MockServer) -> None:
    mock.play(WEATHER)
    messages: list[dict[str, object]] = [{"role": "user", "content": "The weather?"}]
    async with sdk(mock) as client:
        asked = await client.chat.completions.create(model="gpt-4o", messages=messages)  # type: ignore[arg-type]
        message = asked.choices[0].message
        assert message.tool_calls
        call = message.tool_calls[0]
        assert (call.type, call.function.name) == ("function", "get_weather")  # type: ignore[union-attr]
        result = {"role": "tool", "tool_call_id": call.id, "content": "fair"}
        messages += [message.model_dump(exclude_none=True), result]
        async with client.chat.completions.stream(
            model="gpt-4o",
            messages=messages,  # type: ignore[arg-type]
            stream_options={"include_usage": True},
        ) as stream:
            answer = await stream.get_final_completion()
    assert answer.choices[0].message.content == "It is fair."
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 4)


async def test_openai_python_reads_a_response(mock: MockServer) -> None:
    mock.play(WEATHER)
    async with sdk(mock) as client:
        async with client.responses.stream(model="gpt-4o", input="The weather?") as stream:
            events = [event async for event in stream]
            answer = await stream.get_final_response()
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(numbers)))
    (call,) = answer.output
    assert (call.type, call.name, call.arguments) == (  # type: ignore[union-attr]
        "function_call",
        "get_weather",
        '{"city":"Paris"}',
    )


async def test_openai_python_tries_again(mock: MockServer) -> None:
    mock.play(Scenario([Rule(say="Hi", fault=Fault(status=429, retry_after=0.01, times=1))]))
    async with sdk(mock, max_retries=1) as client:
        answer = await client.responses.create(model="gpt-4o", input="x")
    assert answer.output_text == "Hi"
    assert [request.status for request in mock.requests] == [429, 200]


async def test_openai_python_meets_an_error_inside_the_stream(mock: MockServer) -> None:
    mock.play(Scenario([Rule(say="Hi there", fault=Fault(error_after=2, message="Rough sea."))]))
    async with sdk(mock) as client:
        stream = await client.chat.completions.create(**asking("x"))  # type: ignore[call-overload]
        with pytest.raises(openai.APIError, match=r"Rough sea\."):
            async for _ in stream:
                pass
