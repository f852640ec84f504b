"""Which model gave an answer that another was asked for: said in every API's own way."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import AT_ONCE, Start
from tidewire.wire.parser import Parser

GONE = {"api": "openai", "base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
USER = {"role": "user", "content": "hello"}
CHAT: Any = {"messages": [USER], "model": "asked"}
INPUT: Any = {"input": "hello", "model": "asked"}
UI: Any = {
    "id": "c1",
    "model": "asked",
    "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hello"}]}],
}


@pytest.fixture
async def api(start: Start) -> httpx.AsyncClient:
    return await start(models={"asked": {**GONE, "fallback": ["demo"]}, **AT_ONCE})


async def streamed(api: httpx.AsyncClient, path: str, body: Any) -> list[Any]:
    response = await api.post(path, json=body | {"stream": True})
    assert response.status_code == 200, response.text
    events = Parser().feed(response.content)
    return [json.loads(event.data) for event in events if event.data != "[DONE]"]


async def test_natively_it_is_an_event_before_all_that_is_said(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/chat", json={"message": "hello", "model": "asked"})
    started, model, *_ = Parser().feed(answer.content)
    assert json.loads(started.data)["model"] == "asked"
    assert (model.event, json.loads(model.data)) == ("run.model", {"model": "demo"})


async def test_in_a_completion(api: httpx.AsyncClient) -> None:
    first, *rest = await streamed(api, "/v1/chat/completions", CHAT)
    assert (first["model"], {chunk["model"] for chunk in rest}) == ("asked", {"demo"})
    assert (await api.post("/v1/chat/completions", json=CHAT)).json()["model"] == "demo"


async def test_in_a_response(api: httpx.AsyncClient) -> None:
    events = await streamed(api, "/v1/responses", INPUT)
    said = [event["response"]["model"] for event in events if "response" in event]
    assert said == ["asked", "asked", "demo"]
    assert (await api.post("/v1/responses", json=INPUT)).json()["model"] == "demo"


async def test_in_a_message(api: httpx.AsyncClient) -> None:
    first, *_, last, _ = await streamed(api, "/v1/messages", CHAT)
    assert (first["message"]["model"], last["delta"]["model"]) == ("asked", "demo")
    assert (await api.post("/v1/messages", json=CHAT)).json()["model"] == "demo"


async def test_in_the_metadata_of_a_ui_message(api: httpx.AsyncClient) -> None:
    chunks = await streamed(api, "/api/ai-sdk/chat", UI)
    told = [chunk["messageMetadata"] for chunk in chunks if "messageMetadata" in chunk]
    assert [about["model"] for about in told if "model" in about] == ["asked", "demo"]


async def test_who_answers_himself_is_not_named_twice(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/chat", json={"message": "hello", "model": "demo"})
    assert "run.model" not in answer.text
    *_, delta, _ = await streamed(api, "/v1/messages", CHAT | {"model": "demo"})
    assert "model" not in delta["delta"]
