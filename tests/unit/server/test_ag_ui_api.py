"""``/api/ag-ui``: run, joined by whatever names the run, resumed; messages as turns."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import AWAY, Start
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.server.ag_ui_api import RunAgentInput
from tidewire.wire.parser import Parser, ServerSentEvent

URL = "/api/ag-ui"
USER = {"id": "m1", "role": "user", "content": "the weather, and think"}
INPUT = {
    "threadId": "t 1",
    "runId": "r1",
    "state": {},
    "messages": [USER],
    "tools": [],
    "context": [],
    "forwardedProps": {},
}


def events(response: httpx.Response) -> list[ServerSentEvent]:
    assert response.status_code == 200, response.text
    return Parser().feed(response.content)


def types(seen: list[ServerSentEvent]) -> list[str]:
    return [json.loads(event.data)["type"] for event in seen]


async def test_an_agent_runs_on_the_thread_of_its_client(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=INPUT)
    seen = events(answer)
    assert types(seen)[0] == "RUN_STARTED"
    assert types(seen)[-1] == "RUN_FINISHED"
    first = json.loads(seen[0].data)
    assert (first["threadId"], first["runId"]) == ("t 1", answer.headers["x-run-id"])


async def test_whatever_names_the_run_joins_it(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=INPUT)
    run = answer.headers["x-run-id"]
    same = await api.post(URL, json=INPUT)
    by_header = await api.post(URL, json=INPUT | {"runId": "r2"}, headers={"X-Run-Id": run})
    by_body = await api.post(URL, json=INPUT | {"runId": run})
    assert events(answer) == events(same) == events(by_header) == events(by_body)
    for other in ({"runId": "r2"}, {"threadId": "t2"}, {"runId": "run_of_theirs"}):
        begun = await api.post(URL, json=INPUT | other)
        assert begun.headers["x-run-id"] != run
        assert types(events(begun))[-1] == "RUN_FINISHED"


async def test_a_cursor_goes_on_where_it_stands(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=INPUT)
    seen = events(answer)
    place = next(i for i, type in enumerate(types(seen)) if type == "TEXT_MESSAGE_CONTENT") + 2
    headers = {"Last-Event-ID": seen[place].id, "X-Run-Id": answer.headers["x-run-id"]}
    rest = events(await api.post(URL, json=INPUT, headers=headers))
    assert types(rest)[:2] == ["RUN_STARTED", "TEXT_MESSAGE_START"]
    assert rest[2:] == seen[place + 1 :]


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"forwardedProps": {"model": "none"}}, 404, "none"),
        ({"forwardedProps": {"options": {"temperature": 3}}}, 400, "temperature"),
        ({"threadId": ""}, 400, "threadId"),
        ({"threadId": "t\n1"}, 400, "threadId"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "wizard"}]}, 400, "wizard"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, 400, "video"),
    ],
)
async def test_a_refusal_names_what_is_wrong(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, word: str
) -> None:
    response = await api.post(URL, json=INPUT | change)
    assert response.status_code == status
    assert word in response.json()["error"]["message"]


async def test_a_refused_run_can_be_tried_again_under_its_own_ids(start: Start) -> None:
    api = await start(models={"gone": AWAY})
    tried = [await api.post(URL, json=INPUT) for _ in range(2)]
    assert [response.status_code for response in tried] == [502, 502]
    assert len({response.headers["x-run-id"] for response in tried}) == 2


def test_a_question_keeps_all_that_a_model_can_be_told() -> None:
    data = {"type": "data", "value": "AA", "mimeType": "image/png"}
    call = {
        "id": "c1",
        "encryptedValue": "p",
        "type": "function",
        "function": {"name": "tide", "arguments": '{"at":1}'},
    }
    body = {
        **INPUT,
        "context": [{"description": "Harbour", "value": "Brest"}],
        "tools": [{"name": "tide", "description": "how high", "parameters": {"type": "object"}}],
        "forwardedProps": {"options": {"max_tokens": 9}, "theirs": 1},
        "messages": [
            {"id": "1", "role": "developer", "content": "Be brief."},
            {
                "id": "2",
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image", "source": data}],
            },
            {"id": "3", "role": "reasoning", "content": "hm", "encryptedValue": "s"},
            {"id": "4", "role": "reasoning", "content": "unsigned"},
            {"id": "5", "role": "activity", "activityType": "plan", "content": {}},
            {"id": "6", "role": "assistant", "toolCalls": [call]},
            {"id": "7", "role": "tool", "toolCallId": "c1", "content": "4 m"},
        ],
    }
    assert RunAgentInput(**body).question() == ChatRequest(
        messages=[
            ChatMessage("system", "Harbour: Brest"),
            ChatMessage("system", "Be brief."),
            ChatMessage("user", [Text("Look"), Image("data:image/png;base64,AA")]),
            ChatMessage(
                "assistant", [Thought("hm", "s")], [ToolCall("c1", "tide", {"at": 1}, "p")]
            ),
            ChatMessage("tool", "4 m", tool_call_id="c1"),
        ],
        tools=[ToolSpec("tide", "how high", {"type": "object"})],
        max_tokens=9,
    )


async def test_a_thread_is_no_session_to_who_joins_its_run(api: httpx.AsyncClient) -> None:
    """Its name may be any text: as a header it could be another header."""
    answer = await api.post(URL, json=INPUT | {"threadId": "t\rSet-Cookie: a=b"})
    joining = {"X-Run-Id": answer.headers["x-run-id"]}
    joined = await api.get("/api/chat", params={"message": "m"}, headers=joining)
    assert joined.status_code == 200
    assert "x-session-id" not in joined.headers
