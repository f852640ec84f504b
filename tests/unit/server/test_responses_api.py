"""``/v1/responses``: at once, streamed, in the background, read on by number, cancelled."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import AT_ONCE, AWAY, Start
from tidewire.models.base import (
    ChatMessage,
    ChatRequest,
    Image,
    OutputSchema,
    Text,
    Thought,
    ToolCall,
    ToolSpec,
)
from tidewire.server.responses_api import LOGPROBS, Create
from tidewire.wire.parser import Parser

URL = "/v1/responses"
QUESTION = {"model": "demo", "input": "the weather, and think"}
NEVER = {"demo": {"api": "demo", "first_token_seconds": 3600}}


def events(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    return [json.loads(event.data) for event in Parser().feed(response.content)]


async def test_an_answer_in_one_piece_is_the_response_that_the_stream_ends_with(
    api: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": "both"}
    streamed = events(await api.post(URL, json={**QUESTION, "stream": True}, headers=key))
    answer = (await api.post(URL, json=QUESTION, headers=key)).json()
    assert answer == streamed[-1]["response"]
    assert answer["status"] == "completed"
    assert [item["type"] for item in answer["output"]].count("function_call") == 1
    assert (await api.get(f"{URL}/{answer['id']}")).json() == answer


async def test_it_can_be_read_again_from_any_number(api: httpx.AsyncClient) -> None:
    streamed = events(await api.post(URL, json={**QUESTION, "stream": True}))
    id = streamed[0]["response"]["id"]
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    whole = await api.get(f"{URL}/{id}", params={"stream": True})
    assert events(whole) == streamed
    for after in (0, 1, 7, len(streamed) - 2, len(streamed) - 1, len(streamed) + 5):
        params: Any = {"stream": True, "starting_after": after}
        assert events(await api.get(f"{URL}/{id}", params=params)) == streamed[after + 1 :]


async def test_in_the_background_it_is_answered_at_once_and_can_be_followed(start: Start) -> None:
    slow = {"demo": {"api": "demo", "first_token_seconds": 0, "tokens_per_second": 2000}}
    api = await start(models=slow)
    queued = (await api.post(URL, json={**QUESTION, "background": True})).json()
    assert (queued["status"], queued["output"]) == ("in_progress", [])
    url = f"{URL}/{queued['id']}"
    at_once = (await api.get(url)).json()
    assert at_once["status"] == "in_progress"
    followed, rest = await asyncio.gather(
        api.get(url, params={"stream": True}),
        api.get(url, params={"stream": True, "starting_after": 3}),
    )
    assert events(followed)[-1]["type"] == "response.completed"
    assert events(rest) == events(followed)[4:]
    assert (await api.get(url)).json() == events(followed)[-1]["response"]


async def test_it_is_cancelled_once_whoever_asks_how_often(start: Start) -> None:
    api = await start(models=NEVER)
    queued = (await api.post(URL, json={**QUESTION, "background": True})).json()
    url = f"{URL}/{queued['id']}"
    cancelled = await api.post(f"{url}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert (await api.post(f"{url}/cancel")).json() == cancelled.json()
    assert (await api.get(url)).json() == cancelled.json()


async def test_to_cancel_what_has_ended_changes_nothing(api: httpx.AsyncClient) -> None:
    answer = (await api.post(URL, json=QUESTION)).json()
    assert (await api.post(f"{URL}/{answer['id']}/cancel")).json() == answer


async def test_an_answer_of_another_surface_is_a_response_too(api: httpx.AsyncClient) -> None:
    run = (await api.post("/api/chat", json={"message": "hello"})).headers["x-run-id"]
    assert (await api.get(f"{URL}/{run}")).json()["status"] == "completed"


async def test_a_model_that_cannot_be_reached_is_a_status_or_in_the_background_an_error(
    start: Start,
) -> None:
    gone = {"gone": AWAY}
    api = await start(models=gone | AT_ONCE)
    for stream in (True, False):
        refused = await api.post(URL, json={"model": "gone", "input": "hello", "stream": stream})
        assert (refused.status_code, refused.json()["error"]["type"]) == (502, "server_error")
    body = {"model": "gone", "input": "hello", "background": True}
    queued = (await api.post(URL, json=body)).json()
    followed = await api.get(f"{URL}/{queued['id']}", params={"stream": True})
    failed = events(followed)[-1]["response"]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "upstream_unreachable")
    assert (await api.get(f"{URL}/{queued['id']}")).json() == failed


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", URL, {"model": "none", "input": "hello"}, 404, "none"),
        ("POST", URL, {"input": []}, 400, "input"),
        ("POST", URL, {"input": "hello", "previous_response_id": "run_1"}, 400, "input"),
        ("POST", URL, {"input": "hello", "background": True, "store": False}, 400, "stored"),
        ("POST", URL, {"input": "hello", "conversation": "conv_1"}, 400, "conversation"),
        ("POST", URL, {"input": "hello", "conversation": {"id": "c"}}, 400, "conversation"),
        ("POST", URL, {"input": "hello", "prompt": {"id": "pmpt_1"}}, 400, "prompt"),
        ("POST", URL, {"input": "hello", "top_logprobs": 2}, 400, "top_logprobs"),
        ("POST", URL, {"input": "hello", "include": [LOGPROBS]}, 400, "include"),
        ("POST", URL, {"input": [{"type": "item_reference"}]}, 400, "item_reference"),
        ("POST", URL, {"input": "hello", "tools": [{"type": "web_search"}]}, 400, "web_search"),
        ("GET", f"{URL}/resp_1", None, 404, "no such response"),
        ("GET", f"{URL}/run_1", None, 404, "no such"),
        ("GET", f"{URL}/run_1?stream=true&starting_after=-1", None, 400, "starting_after"),
        ("GET", f"{URL}/run_1?starting_after={2**53}", None, 400, "starting_after"),
        ("POST", f"{URL}/run_1/cancel", None, 404, "no such"),
    ],
)
async def test_a_refusal_names_what_is_wrong(
    api: httpx.AsyncClient, method: str, path: str, body: Any, status: int, word: str
) -> None:
    response = await api.request(method, path, json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert word in error["message"]


def test_a_question_keeps_all_that_a_model_can_be_told() -> None:
    thought = {"type": "summary_text", "text": "hm"}
    schema = {"type": "object"}
    body = {
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "In metres."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look"},
                    {"type": "input_image", "image_url": "https://x.test/1.png", "detail": "auto"},
                ],
            },
            {"type": "reasoning", "id": "r", "summary": [thought], "encrypted_content": "s"},
            {"type": "reasoning", "id": "r2", "summary": [thought]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
            },
            {"type": "function_call", "call_id": "c1", "name": "tide", "arguments": '{"at":1}'},
            {"type": "function_call", "call_id": "c2", "name": "tide", "arguments": ""},
            {"type": "function_call_output", "call_id": "c1", "output": "4"},
            {"type": "function_call_output", "call_id": "c2", "output": "5"},
        ],
        "tools": [{"type": "function", "name": "tide", "parameters": schema, "strict": True}],
        "tool_choice": {"type": "function", "name": "tide"},
        "text": {"format": {"type": "json_schema", "name": "t", "schema": schema, "strict": True}},
        "max_output_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "conversation": None,
        "metadata": {"a": "b"},
        "truncation": "disabled",
    }
    said = [Thought("hm", "s"), Text("I look.")]
    calls = [ToolCall("c1", "tide", {"at": 1}), ToolCall("c2", "tide", {})]
    assert Create(**body).question() == ChatRequest(
        messages=[
            ChatMessage("system", "Be brief."),
            ChatMessage("system", "In metres."),
            ChatMessage("user", [Text("Look"), Image("https://x.test/1.png")]),
            ChatMessage("assistant", said, calls),
            ChatMessage("tool", "4", tool_call_id="c1"),
            ChatMessage("tool", "5", tool_call_id="c2"),
        ],
        tools=[ToolSpec("tide", "", schema)],
        temperature=0.5,
        max_tokens=9,
        top_p=0.9,
        tool_choice="tide",
        output=OutputSchema(schema, "t", strict=True),
        parallel_tool_calls=False,
        effort="low",
    )
