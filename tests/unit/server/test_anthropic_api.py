"""``/v1/messages``: questions, answers and refusals as Anthropic's are."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import AWAY, Start
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
from tidewire.server.anthropic_api import Messages, put_together
from tidewire.wire.parser import Parser

URL = "/v1/messages"
USER = {"role": "user", "content": "the weather, and think"}
QUESTION = {"model": "demo", "max_tokens": 2000, "messages": [USER]}


async def test_an_answer_in_one_piece_is_what_the_stream_says(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "both"}
    streamed = await api.post(URL, json={**QUESTION, "stream": True}, headers=key)
    events = Parser().feed(streamed.content)
    answer = (await api.post(URL, json=QUESTION, headers=key)).json()
    assert (answer["type"], answer["role"], answer["model"]) == ("message", "assistant", "demo")
    assert answer["stop_reason"] == "end_turn"
    assert answer["usage"]["output_tokens"] > 0
    assert {block["type"] for block in answer["content"]} == {"text", "thinking", "tool_use"}
    (call,) = [block for block in answer["content"] if block["type"] == "tool_use"]
    assert isinstance(call["input"], dict)
    deltas = [json.loads(e.data)["delta"] for e in events if e.event == "content_block_delta"]
    texts = [block["text"] for block in answer["content"] if block["type"] == "text"]
    assert "".join(delta.get("text", "") for delta in deltas) == "".join(texts) != ""
    assert answer["id"] == streamed.headers["x-run-id"]


def test_what_has_no_place_in_a_delta_is_put_together_too() -> None:
    citation = {"type": "web_search_result_location", "url": "https://x.test"}
    deltas: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "s"},
            ],
        ),
        (
            {"type": "text", "text": "", "citations": None},
            [{"type": "citations_delta", "citation": citation}],
        ),
        (
            {"type": "tool_use", "id": "c", "name": "t", "input": {}},
            [{"type": "input_json_delta", "partial_json": "{oops"}],
        ),
    ]
    events: list[Any] = [{"type": "message_start", "message": {"content": []}}]
    for index, (block, written) in enumerate(deltas):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        for delta in written:
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
    assert put_together(events)["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "", "citations": [citation]},
        {"type": "tool_use", "id": "c", "name": "t", "input": "{oops"},
    ]


@pytest.mark.parametrize("said", ["[" * 101 + "]" * 101, "[" * 9999], ids=["101", "9999"])
def test_arguments_nested_too_deeply_are_told_as_they_came(said: str) -> None:
    events: list[Any] = [
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "content_block": {"type": "tool_use", "input": {}}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": said},
        },
    ]
    assert put_together(events)["content"] == [{"type": "tool_use", "input": said}]


def test_a_question_keeps_all_that_a_model_can_be_told() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "c1",
        "content": [{"type": "text", "text": "4"}],
    }
    data = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    body = {
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "How high?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "x"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "tide", "input": {"at": 1}},
                ],
            },
            {"role": "user", "content": [result, {"type": "image", "source": data}]},
            {"role": "assistant", "content": [{"type": "text", "text": "4 m"}]},
            {"role": "user", "content": [result]},
        ],
        "tools": [{"name": "tide", "description": "how high", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "output_config": {
            "format": {"type": "json_schema", "schema": {"type": "object"}},
            "effort": "low",
        },
        "top_k": 40,
        "stop_sequences": ["END"],
        "temperature": 0.5,
        "top_p": 0.9,
        "metadata": {"user_id": "u"},
    }
    tool = ChatMessage("tool", [Text("4")], tool_call_id="c1")
    assert Messages(**body).question() == ChatRequest(
        messages=[
            ChatMessage("system", [Text("Be brief.")]),
            ChatMessage("user", "How high?"),
            ChatMessage(
                "assistant",
                [Thought("hm", "s"), Text("I look.")],
                [ToolCall("c1", "tide", {"at": 1})],
            ),
            tool,
            ChatMessage("user", [Image("data:image/png;base64,AAAA")]),
            ChatMessage("assistant", [Text("4 m")]),
            tool,
        ],
        tools=[ToolSpec("tide", "how high", {"type": "object"})],
        temperature=0.5,
        max_tokens=9,
        stop=["END"],
        top_p=0.9,
        tool_choice="required",
        output=OutputSchema({"type": "object"}, strict=True),
        parallel_tool_calls=False,
        effort="low",
        top_k=40,
    )


@pytest.mark.parametrize(
    ("body", "status", "type", "word"),
    [
        ({"model": "none", "messages": [USER]}, 404, "not_found_error", "none"),
        ({"messages": []}, 400, "invalid_request_error", "messages"),
        ({"messages": [USER], "temperature": 2}, 400, "invalid_request_error", "temperature"),
        ({"messages": [USER], "top_k": 0}, 400, None, "top_k"),
        ({"messages": [USER], "container": "c_1"}, 400, None, "container: Nothing here"),
        ({"messages": [USER], "mcp_servers": [{"type": "url"}]}, 400, None, "mcp_servers"),
        ({"messages": [USER], "inference_geo": "us"}, 400, None, "inference_geo"),
        (
            {"messages": [USER], "output_format": {"type": "json_schema"}},
            400,
            None,
            "output_format",
        ),
        ({"messages": [USER], "output_config": {"format": {"type": "xml"}}}, 400, None, "xml"),
        (
            {"messages": [{"role": "user", "content": [{"type": "document"}]}]},
            400,
            None,
            "document",
        ),
        ({"messages": [{"role": "wizard"}]}, 400, None, "wizard"),
        ({"messages": [USER], "tools": [{"type": "bash_1", "name": "b"}]}, 400, None, "bash_1"),
        ({"messages": [USER], "tool_choice": {"type": "dice"}}, 400, None, "dice"),
    ],
)
async def test_a_refusal_names_what_is_wrong(
    api: httpx.AsyncClient, body: dict[str, Any], status: int, type: str | None, word: str
) -> None:
    response = await api.post(URL, json=body)
    assert response.status_code == status
    assert response.json()["type"] == "error"
    error = response.json()["error"]
    assert error["type"] == (type or "invalid_request_error")
    assert word in error["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_cannot_be_reached_is_an_error_of_the_same_shape(
    start: Start, stream: bool
) -> None:
    api = await start(models={"gone": AWAY})
    response = await api.post(URL, json={"messages": [USER], "stream": stream})
    assert (response.status_code, response.json()["error"]["type"]) == (502, "api_error")
    assert response.headers["x-run-id"].startswith("run_")


def test_no_block_is_looked_for_among_the_others() -> None:
    """A body has room for ten thousand of each kind: that would take the time of all others."""

    class Block(dict[str, Any]):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared with another block")

    said = [Block(type="text", text="See?"), Block(type="tool_result", tool_use_id="c1")]
    called = [Block(type="text", text="Yes."), Block(type="tool_use", id="c1", name="look")]
    turns = [{"role": "user", "content": said}, {"role": "assistant", "content": called}]
    asked = Messages(messages=turns).question().messages
    assert [turn.role for turn in asked] == ["tool", "user", "assistant"]
