"""``/api/ai-sdk/chat``: sent, opened again, read on by chunk; UI messages as turns."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.unit.server.conftest import AWAY, Start
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.server.ai_sdk_api import Send, session_of
from tidewire.wire.parser import Parser

URL = "/api/ai-sdk/chat"
USER = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "the weather, and think"}]}
MESSAGE = {"id": "c1", "messages": [USER], "trigger": "submit-message", "messageId": "m1"}
SLOW = {"demo": {"api": "demo", "first_token_seconds": 0, "tokens_per_second": 2000}}
NEVER = {"demo": {"api": "demo", "first_token_seconds": 3600}}


def chunks(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    *events, done = Parser().feed(response.content)
    assert done.data == "[DONE]"
    return [json.loads(event.data) for event in events]


def text(seen: list[Any]) -> str:
    return "".join(chunk["delta"] for chunk in seen if chunk["type"] == "text-delta")


async def test_a_message_is_answered_and_names_its_run(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=MESSAGE)
    seen = chunks(answer)
    run = answer.headers["x-workflow-run-id"]
    assert seen[0]["messageId"] == run == answer.headers["x-run-id"]
    assert seen[0]["messageMetadata"]["session"] == "c1"
    assert seen[-1]["type"] == "finish"
    assert text(seen)


async def test_a_page_that_is_opened_again_gets_all_of_what_goes_on(start: Start) -> None:
    api = await start(models=SLOW)
    asking = asyncio.create_task(api.post(URL, json=MESSAGE))
    while (opened := await api.get(f"{URL}/c1/stream")).status_code == 204:
        await asyncio.sleep(0)  # the question has not got through yet
    assert chunks(opened)[0] == chunks(await asking)[0]
    assert text(chunks(opened)) == text(chunks(await asking)) != ""
    assert (await api.get(f"{URL}/c1/stream")).status_code == 204


async def test_where_nothing_was_asked_there_is_nothing_to_resume(api: httpx.AsyncClient) -> None:
    response = await api.get(f"{URL}/never/stream")
    assert (response.status_code, response.content) == (204, b"")


async def test_the_chat_is_a_session_where_its_answer_is_stopped(start: Start) -> None:
    api = await start(models=NEVER)
    asking = asyncio.create_task(api.post(URL, json=MESSAGE))
    while not (await api.post("/api/sessions/c1/stop")).is_success:
        await asyncio.sleep(0)  # the question has not got through yet
    assert [chunk["type"] for chunk in chunks(await asking)][-2:] == ["abort", "finish"]


ODD = ["a/b", "ann@example.com: tides?", "潮 🌊", "x" * 255, "run_1"]


@pytest.mark.parametrize("chat", ODD)
async def test_a_chat_may_be_called_anything(start: Start, chat: str) -> None:
    api = await start(models=NEVER)
    asking = asyncio.create_task(api.post(URL, json={**MESSAGE, "id": chat}))
    while not (await api.post(f"{URL}/{quote(chat, safe='')}/stop")).is_success:
        await asyncio.sleep(0)  # the question has not got through yet
    answer = await asking
    session = answer.headers["x-session-id"]
    assert chunks(answer)[0]["messageMetadata"]["session"] == session
    assert (await api.post(f"/api/sessions/{session}/stop")).json()["closed"]


@pytest.mark.parametrize("chat", ["a/b", "run_1"])
async def test_and_is_opened_again_under_its_name(start: Start, chat: str) -> None:
    api = await start(models=SLOW)
    asking = asyncio.create_task(api.post(URL, json={**MESSAGE, "id": chat}))
    while (opened := await api.get(f"{URL}/{quote(chat, safe='')}/stream")).status_code == 204:
        await asyncio.sleep(0)  # the question has not got through yet
    assert text(chunks(opened)) == text(chunks(await asking)) != ""


def test_chats_of_different_names_have_different_sessions() -> None:
    names = [*ODD, "c1", "a", "A/B", "a%2Fb", *(f"{'x' * 70}{i}" for i in range(5))]
    assert len({session_of(name) for name in names}) == len(names)
    assert session_of("c1") == "c1"


async def test_a_run_is_read_on_from_any_of_its_chunks(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=MESSAGE)
    seen = chunks(answer)
    url = f"{URL}/{answer.headers['x-workflow-run-id']}/stream"
    for start in (0, 1, 5, len(seen) - 1):
        rest = await api.get(url, params={"startIndex": start})
        assert chunks(rest) == seen[start:]
    for tail in (1, 7, len(seen) + 9):
        rest = await api.get(url, params={"startIndex": -tail})
        assert chunks(rest) == seen[-tail:]
        assert rest.headers["x-workflow-stream-tail-index"] == str(len(seen) - 1)


async def test_a_chat_that_goes_on_is_read_by_chunk_in_the_same_chunks(start: Start) -> None:
    api = await start(models=SLOW)
    asking = asyncio.create_task(api.post(URL, json=MESSAGE))
    url = f"{URL}/c1/stream"
    while (opened := await api.get(url, params={"startIndex": 0})).status_code == 204:
        await asyncio.sleep(0)  # the question has not got through yet
    seen = chunks(await asking)
    assert chunks(opened) == seen
    # It ended while its reader was away, who comes back for the rest.
    assert chunks(await api.get(url, params={"startIndex": 5})) == seen[5:]
    for start_index in (0, -3):
        assert (await api.get(url, params={"startIndex": start_index})).status_code == 204


async def test_an_answer_of_another_surface_is_read_here_too(api: httpx.AsyncClient) -> None:
    run = (await api.post("/api/chat", json={"message": "hello"})).headers["x-run-id"]
    assert chunks(await api.get(f"{URL}/{run}/stream"))[0]["messageId"] == run
    joined = await api.post(URL, json=MESSAGE, headers={"X-Run-Id": run})
    assert chunks(joined)[0]["messageId"] == run


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"model": "none"}, 404, "none"),
        ({"id": ""}, 400, "id must"),
        ({"id": "x" * 256}, 400, "255"),
        ({"id": "c" * 256}, 400, "id must"),
        ({"id": "a\nb"}, 400, "id must"),  # no route would find it
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": "old"}]}, 400, "without parts"),
        ({"messages": [{"role": "wizard", "parts": []}]}, 400, "wizard"),
        ({"options": {"temperature": 3}}, 400, "temperature"),
        (
            {
                "messages": [
                    {"role": "user", "parts": [{"type": "file", "mediaType": "a/b", "url": ""}]}
                ]
            },
            400,
            "a/b",
        ),
    ],
)
async def test_a_refusal_is_text_for_a_person(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, word: str
) -> None:
    response = await api.post(URL, json=MESSAGE | change)
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "text/plain; charset=utf-8",
    )
    assert word in response.text


async def test_a_model_that_cannot_be_reached_is_text_for_a_person(start: Start) -> None:
    api = await start(models={"gone": AWAY})
    response = await api.post(URL, json=MESSAGE)
    assert response.status_code == 502
    assert response.text.endswith(".")
    assert response.headers["x-run-id"].startswith("run_")


def test_a_question_keeps_all_that_a_model_can_be_told() -> None:
    signed = {"tidewire": {"signature": "s"}}
    body = {
        **MESSAGE,
        "system": "Be brief.",
        "tools": {"tide": {"description": "how high", "parameters": {"type": "object"}}},
        "options": {"temperature": 0.5, "max_tokens": 9},
        "messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "text": "Look"},
                    {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AA"},
                ],
            },
            {
                "role": "assistant",
                "parts": [
                    {"type": "step-start"},
                    {"type": "reasoning", "text": "hm", "providerMetadata": signed},
                    {"type": "reasoning", "text": "unsigned"},
                    {
                        "type": "tool-tide",
                        "toolCallId": "c1",
                        "state": "output-available",
                        "input": {"at": 1},
                        "output": {"metres": 4},
                        "callProviderMetadata": signed,
                    },
                    {
                        "type": "dynamic-tool",
                        "toolName": "wind",
                        "toolCallId": "c2",
                        "state": "output-error",
                        "input": {},
                        "errorText": "no wind",
                    },
                    {"type": "tool-tide", "toolCallId": "c3", "state": "input-available"},
                    {"type": "step-start"},
                    {"type": "source-url", "sourceId": "s", "url": "https://x.test"},
                    {"type": "text", "text": "4 m"},
                ],
            },
            {"role": "user", "parts": [{"type": "text", "text": "And now?"}]},
        ],
    }
    send = Send(**body)
    calls = [ToolCall("c1", "tide", {"at": 1}, "s"), ToolCall("c2", "wind", {})]
    assert send.question() == ChatRequest(
        messages=[
            ChatMessage("system", "Be brief."),
            ChatMessage("user", [Text("Look"), Image("data:image/png;base64,AA")]),
            ChatMessage("assistant", [Thought("hm", "s")], calls),
            ChatMessage("tool", '{"metres":4}', tool_call_id="c1"),
            ChatMessage("tool", '{"error":"no wind"}', tool_call_id="c2"),
            ChatMessage("assistant", [Text("4 m")]),
            ChatMessage("user", [Text("And now?")]),
        ],
        tools=[ToolSpec("tide", "how high", {"type": "object"})],
        temperature=0.5,
        max_tokens=9,
    )
    assert send.asked == "And now?"
