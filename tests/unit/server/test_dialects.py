"""What the server does differently for a dialect whose readers make nothing of a middle."""

from __future__ import annotations

import json

import httpx
import pytest

from tidewire.wire.parser import Parser


@pytest.fixture
async def run(api: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Where an answer can be read, and the cursors of its events."""
    response = await api.post("/api/chat", json={"message": "hello"})
    ids = [event.id for event in Parser().feed(response.content)]
    assert len(ids) > 5
    return response.headers["location"], ids


async def test_it_begins_at_the_start_whatever_cursor_comes(
    api: httpx.AsyncClient, run: tuple[str, list[str]]
) -> None:
    location, ids = run
    whole = await api.get(f"{location}?dialect=ai-sdk")
    for query, headers in (("", {"Last-Event-ID": ids[4]}), ("&from=2", {})):
        response = await api.get(f"{location}?dialect=ai-sdk{query}", headers=headers)
        assert response.content == whole.content
    first, *_ = Parser().feed(whole.content)
    assert json.loads(first.data)["type"] == "start"
    assert location.endswith(json.loads(first.data)["messageId"])


async def test_it_has_its_own_header(api: httpx.AsyncClient, run: tuple[str, list[str]]) -> None:
    location, _ = run
    name = "x-vercel-ai-ui-message-stream"
    assert (await api.get(f"{location}?dialect=ai-sdk")).headers[name] == "v1"
    assert name not in (await api.get(location)).headers


async def test_at_the_end_there_is_nothing_to_come(
    api: httpx.AsyncClient, run: tuple[str, list[str]]
) -> None:
    location, ids = run
    at_end = {"Last-Event-ID": ids[-1]}
    response = await api.get(f"{location}?dialect=ai-sdk", headers=at_end)
    assert response.status_code == 204


async def test_it_cannot_be_polled(api: httpx.AsyncClient, run: tuple[str, list[str]]) -> None:
    location, _ = run
    response = await api.get(f"{location}?dialect=ai-sdk&mode=poll")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")


async def test_a_reader_of_ag_ui_that_begins_in_the_middle_hears_of_the_run_first(
    api: httpx.AsyncClient, run: tuple[str, list[str]]
) -> None:
    location, ids = run
    response = await api.get(f"{location}?dialect=ag-ui", headers={"Last-Event-ID": ids[4]})
    started, opened, *rest = Parser().feed(response.content)
    assert (started.id, opened.id) == ("", "")
    types = [json.loads(event.data)["type"] for event in (started, opened, rest[0])]
    assert types[0] == "RUN_STARTED"
    assert types[1].endswith("_START") and types[2].endswith("_CONTENT")
    assert rest[0].id == ids[5]
