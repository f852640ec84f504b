"""``/v1/chat/completions`` and ``/v1/models``: questions, answers, refusals as OpenAI's are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.conformance.cases import load
from tests.unit.server.conftest import AWAY, Start
from tidewire.errors import BadRequest
from tidewire.models.base import (
    ChatMessage,
    ChatRequest,
    Image,
    OutputSchema,
    Text,
    ToolCall,
    ToolSpec,
)
from tidewire.server.openai_api import Completion, put_together
from tidewire.wire.parser import Parser

URL = "/v1/chat/completions"
USER = {"role": "user", "content": "the weather, and think"}
QUESTION = {"model": "demo", "messages": [USER], "seed": 1}
SCHEMA = {"type": "object", "properties": {"tide": {"type": "number"}}}


def chunks(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    *events, done = Parser().feed(response.content)
    assert done.data == "[DONE]"
    return [json.loads(event.data) for event in events]


def joined(seen: list[Any], name: str) -> str:
    deltas = (chunk["choices"][0]["delta"] for chunk in seen if chunk["choices"])
    return "".join(delta.get(name, "") for delta in deltas)


async def test_an_answer_in_one_piece_is_what_the_stream_says(api: httpx.AsyncClient) -> None:
    streamed = chunks(await api.post(URL, json={**QUESTION, "stream": True}))
    answer = (await api.post(URL, json=QUESTION)).json()
    (choice,) = answer["choices"]
    message = choice["message"]
    assert answer["object"] == "chat.completion"
    assert answer["created"] > 1.7e9
    assert message["content"] == joined(streamed, "content") != ""
    assert message["reasoning_content"] == joined(streamed, "reasoning_content") != ""
    (call,) = message["tool_calls"]
    assert set(call) == {"id", "type", "function"}
    pieces = [c["choices"][0]["delta"].get("tool_calls", []) for c in streamed]
    written = "".join(piece["function"]["arguments"] for each in pieces for piece in each)
    assert json.loads(call["function"]["arguments"]) == json.loads(written) != {}
    assert choice["finish_reason"] == streamed[-1]["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == streamed[-1]["usage"]


def test_a_call_is_put_together_with_its_signature() -> None:
    (case,) = [case for case in load("dialects") if case["name"] == "a call that the vendor signed"]
    *said, _ = Parser().feed("".join(case["written"]["openai"]).encode())
    whole = put_together([json.loads(event.data) for event in said])
    assert whole["choices"][0]["message"]["tool_calls"] == [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "tide", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        }
    ]


async def test_usage_comes_apart_only_for_those_who_asked(api: httpx.AsyncClient) -> None:
    body = {**QUESTION, "stream": True}
    asked = chunks(await api.post(URL, json={**body, "stream_options": {"include_usage": True}}))
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["completion_tokens"] > 0
    assert not any("usage" in chunk for chunk in asked[:-1])
    unasked = chunks(await api.post(URL, json=body))
    assert all(chunk["choices"] for chunk in unasked)


async def test_the_answer_can_be_read_in_every_dialect(api: httpx.AsyncClient) -> None:
    for stream in (True, False):
        answer = await api.post(URL, json={**QUESTION, "stream": stream})
        run = answer.headers["x-run-id"]
        assert answer.headers["location"] == f"/api/streams/{run}"
        again = await api.get(answer.headers["location"], params={"dialect": "native"})
        assert Parser().feed(again.content)[-1].event == "run.finished"


@pytest.mark.parametrize("stream", [True, False])
async def test_who_names_the_run_joins_it(api: httpx.AsyncClient, stream: bool) -> None:
    body = {**QUESTION, "stream": stream}
    key = {"Idempotency-Key": "once"}
    first = await api.post(URL, json=body, headers=key)
    again = await api.post(URL, json=body, headers=key)
    run = first.headers["x-run-id"]
    named = await api.post(URL, json={"messages": [USER]} | body, headers={"X-Run-Id": run})
    other = await api.post(URL, json=body)
    assert first.content == again.content == named.content
    assert other.headers["x-run-id"] != run


async def test_a_cursor_of_another_dialect_goes_on_in_this_one(api: httpx.AsyncClient) -> None:
    run = (await api.post(URL, json=QUESTION)).headers["x-run-id"]
    native = Parser().feed((await api.get(f"/api/streams/{run}")).content)
    texts = [event for event in native if event.event == "text.delta"]
    headers = {"Last-Event-ID": texts[-3].id}
    rest = await api.post(URL, json={**QUESTION, "stream": True}, headers=headers)
    expected = "".join(json.loads(event.data)["delta"] for event in texts[-2:])
    assert joined(chunks(rest), "content") == expected
    end = {"Last-Event-ID": native[-1].id}
    over = await api.post(URL, json={**QUESTION, "stream": True}, headers=end)
    assert (over.status_code, over.headers["x-run-id"]) == (204, run)


@pytest.mark.parametrize(
    ("asked", "runs"), [({}, "1.0"), ({"on_disconnect": "cancel"}, "0.0")], ids=["", "cancel"]
)
async def test_who_leaves_before_the_end_ends_nothing_unless_it_asked_for_that(
    start: Start, asked: dict[str, Any], runs: str
) -> None:
    api = await start(models={"demo": {"api": "demo", "first_token_seconds": 3600}})
    asking = asyncio.create_task(api.post(URL, json=QUESTION | asked))
    while "tidewire_viewers 1.0" not in (await api.get("/metrics")).text:
        await asyncio.sleep(0)  # the question has not got through yet
    asking.cancel()
    await asyncio.wait([asking])
    for _ in range(50):
        await asyncio.sleep(0)
    assert f"tidewire_runs {runs}" in (await api.get("/metrics")).text


async def test_a_stopped_answer_is_given_as_far_as_it_came(start: Start) -> None:
    api = await start(models={"demo": {"api": "demo", "first_token_seconds": 3600}})
    session = {"message": "hello", "session": "s"}
    asking = asyncio.create_task(api.post("/api/chat", json=session))
    while not (stopped := await api.post("/api/sessions/s/stop")).is_success:
        await asyncio.sleep(0)  # the question has not got through yet
    run = stopped.json()["run"]
    answer = await api.post(URL, json=QUESTION, headers={"X-Run-Id": run})
    assert answer.json()["choices"][0]["finish_reason"] == "stop"
    assert answer.json()["id"] == (await asking).headers["x-run-id"] == run


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_cannot_be_reached_is_an_error_of_the_same_shape(
    start: Start, stream: bool
) -> None:
    api = await start(models={"gone": AWAY})
    body = {"messages": [USER], "stream": stream}
    response = await api.post(URL, json=body)
    assert response.status_code == 502
    assert response.headers["x-run-id"].startswith("run_")
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "upstream_unreachable")


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"model": "none", "messages": [USER]}, 404, "none"),
        ({"messages": []}, 400, "messages"),
        ({}, 400, "messages"),
        ({"messages": [USER] * 2001}, 400, "2000"),
        ({"messages": [USER], "n": 2}, 400, "n must"),
        ({"messages": [USER], "temperature": 3}, 400, "temperature"),
        ({"messages": [USER], "presence_penalty": 3}, 400, "presence_penalty"),
        ({"messages": [USER], "frequency_penalty": -3}, 400, "frequency_penalty"),
        ({"messages": [USER], "logprobs": True}, 400, "logprobs: Nothing here can honour this"),
        ({"messages": [USER], "top_logprobs": 2}, 400, "top_logprobs"),
        ({"messages": [USER], "logit_bias": {"50256": -100}}, 400, "logit_bias"),
        ({"messages": [USER], "modalities": ["text", "audio"]}, 400, "modalities"),
        ({"messages": [USER], "audio": {"voice": "alloy"}}, 400, "audio"),
        ({"messages": [USER], "functions": [{"name": "f"}]}, 400, "functions"),
        ({"messages": [USER], "function_call": "auto"}, 400, "function_call"),
        ({"messages": [USER], "web_search_options": {}}, 400, "web_search_options"),
        ({"messages": [{"role": "wizard", "content": ""}]}, 400, "wizard"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "audio"),
        ({"messages": [USER], "tools": [{"type": "retrieval"}]}, 400, "retrieval"),
        ({"messages": [USER], "response_format": {"type": "grammar"}}, 400, "grammar"),
        ({"messages": [USER], "tool_choice": "perhaps"}, 400, "tool_choice"),
    ],
)
async def test_a_refusal_names_what_is_wrong(
    api: httpx.AsyncClient, body: dict[str, Any], status: int, word: str
) -> None:
    response = await api.post(URL, json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert word in error["message"]
    assert "tidewire_events_total 0.0" in (await api.get("/metrics")).text


def test_a_question_keeps_all_that_a_model_can_be_told() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "tide", "arguments": '{"at":1}'},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    image = {"type": "image_url", "image_url": {"url": "https://x.test/1.png", "detail": "low"}}
    function = {"name": "tide", "description": "how high", "parameters": SCHEMA, "strict": True}
    body = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, image]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "4 m"},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "tide"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "t", "schema": SCHEMA}},
        "max_tokens": 1,
        "max_completion_tokens": 9,
        "stop": "END",
        "seed": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {},
        "logprobs": False,
        "top_logprobs": 0,
        "functions": [],
        "modalities": ["text"],
        "user": "u",
    }
    assert Completion(**body).question() == ChatRequest(
        messages=[
            ChatMessage("system", "Be brief."),
            ChatMessage("user", [Text("Look"), Image("https://x.test/1.png")]),
            ChatMessage("assistant", tool_calls=[ToolCall("c1", "tide", {"at": 1}, "s")]),
            ChatMessage("tool", "4 m", tool_call_id="c1"),
        ],
        tools=[ToolSpec("tide", "how high", SCHEMA)],
        temperature=0.5,
        max_tokens=9,
        stop=["END"],
        seed=7,
        top_p=0.9,
        tool_choice="tide",
        output=OutputSchema(SCHEMA, "t", strict=False),
        parallel_tool_calls=False,
        effort="low",
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )


@pytest.mark.parametrize("said", ["{", "[" * 100_000, 7], ids=["cut", "too deep", "no text"])
def test_arguments_that_are_no_json_are_refused(said: object) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": said}}
    body = Completion(messages=[{"role": "assistant", "tool_calls": [call]}])
    with pytest.raises(BadRequest, match="not JSON"):
        body.question()


async def test_the_models_are_listed_for_the_clients_of_both_apis(api: httpx.AsyncClient) -> None:
    listed = (await api.get("/v1/models")).json()
    assert (listed["object"], listed["has_more"]) == ("list", False)
    (demo,) = listed["data"]
    assert (demo["id"], demo["object"], demo["type"]) == ("demo", "model", "model")
    assert (await api.get("/v1/models/demo")).json() == demo
    missing = await api.get("/v1/models/none")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
