"""Whatever is refused, and wherever: one JSON shape, the right status, never a stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Message

from tests.unit.server.conftest import AWAY, Start

QUESTION = {"message": "hello"}
SLOW = {"demo": {"api": "demo", "first_token_seconds": 3600}}


def error(response: httpx.Response) -> tuple[int, str]:
    """Status and code; asserts the shape."""
    assert response.headers["content-type"] == "application/json", response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "retryable"}
    assert error["message"].endswith(".")
    return response.status_code, error["code"]


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        ("POST", "/api/chat", "{", (400, "bad_request")),
        ("POST", "/api/chat", "{}", (400, "bad_request")),
        ("POST", "/api/chat", '{"message": ""}', (400, "bad_request")),
        ("POST", "/api/chat", '{"message": 5}', (400, "bad_request")),
        ("POST", "/api/chat", '{"message": "m", "model": "none"}', (400, "bad_request")),
        ("POST", "/api/chat", '{"message": "m", "session": "a b"}', (400, "bad_request")),
        ("POST", "/api/chat", '{"message": "m", "options": {"no": 1}}', (400, "bad_request")),
        ("POST", "/api/chat?dialect=none", '{"message": "m"}', (400, "bad_request")),
        ("GET", "/api/chat", None, (400, "bad_request")),
        ("GET", "/api/chat?message=m&last_event_id=abc123-5", None, (410, "gone")),
        ("GET", "/api/chat?message=m&last_event_id=%20", None, (400, "invalid_cursor")),
        ("GET", "/api/streams/run_none", None, (404, "not_found")),
        ("GET", "/api/runs/run_none", None, (404, "not_found")),
        ("GET", "/api/runs/none", None, (404, "not_found")),
        ("POST", "/api/runs/run_none/stop", None, (404, "not_found")),
        ("POST", "/api/sessions/none/stop", None, (404, "not_found")),
        ("GET", "/api/none", None, (404, "not_found")),
        ("POST", "/api/none", None, (404, "not_found")),
        ("GET", "/api", None, (404, "not_found")),
        ("PUT", "/api/chat", None, (405, "method_not_allowed")),
        ("HEAD", "/api/chat", None, (405, "")),
        ("GET", "/no/such/file.js", None, (404, "not_found")),
    ],
)
async def test_a_refusal_has_our_shape(
    api: httpx.AsyncClient, method: str, target: str, body: str | None, expected: tuple[int, str]
) -> None:
    kind = {"Content-Type": "application/json"} if body else {}
    response = await api.request(method, target, content=body, headers=kind)
    if method == "HEAD":
        assert response.status_code == expected[0]
    else:
        assert error(response) == expected


@pytest.mark.parametrize(
    ("path", "kind", "coding", "status"),
    [
        ("/api/chat", "application/json", "gzip", 415),
        ("/api/channels/news", "application/json", "br", 415),
        ("/api/channels/news", "text/plain", "deflate", 415),
        ("/api/channels/news", "text/plain", "Identity", 201),
    ],
)
async def test_a_body_that_is_compressed_is_refused_as_that(
    api: httpx.AsyncClient, path: str, kind: str, coding: str, status: int
) -> None:
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    assert (await api.post(path, content=b"packed", headers=headers)).status_code == status


async def test_a_wrong_method_is_told_all_that_the_path_allows(api: httpx.AsyncClient) -> None:
    refused = await api.put("/api/channels/news")
    assert refused.headers["allow"] == "DELETE, GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/ai-sdk/chat"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "half a pair: \\ud83c"}',
        b'{"text": "no UTF-8: \xff"}',
        b'{"number": NaN}',
        b"[" * 100_000,
        b"[" * 201 + b"]" * 201,
    ],
    ids=["surrogate", "latin", "nan", "deep", "201 deep"],
)
async def test_what_is_no_json_is_refused_by_every_kind_of_route(
    api: httpx.AsyncClient, path: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await api.post(path, content=body, headers=headers)
    assert response.status_code == 400
    assert "The body is " in response.text


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/ai-sdk/chat"])
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/plain;application/json", "text/x+json", "multipart/form-data", ""],
)
async def test_a_question_that_does_not_say_it_is_json_is_refused(
    api: httpx.AsyncClient, path: str, kind: str
) -> None:
    """A page of any site can send those without asking."""
    headers = {"Content-Type": kind} if kind else {}
    response = await api.post(path, content='{"message": "m"}', headers=headers)
    assert response.status_code == 415
    assert "application/json" in response.text


@pytest.mark.parametrize("path", ["/api/chat", "/api/channels/news"])
async def test_who_leaves_while_he_asks_is_told_nothing(api: httpx.AsyncClient, path: str) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    app = api._transport.app  # type: ignore[attr-defined]
    await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
    assert sent == []


async def test_what_may_be_done_instead_is_said(api: httpx.AsyncClient) -> None:
    response = await api.put("/api/models")
    assert response.headers["allow"] == "GET"


async def test_an_unknown_dialect_starts_nothing(api: httpx.AsyncClient) -> None:
    await api.post("/api/chat?dialect=none", json=QUESTION)
    assert "tidewire_events_total 0.0" in (await api.get("/metrics")).text


async def test_a_body_that_says_it_is_too_large_is_refused(start: Start) -> None:
    api = await start(limits={"max_body_bytes": 100})
    assert error(await api.post("/api/channels/c", content="x" * 101)) == (413, "too_large")
    assert (await api.post("/api/channels/c", content="x" * 100)).status_code == 201
    unknown = {"Content-Length": "long"}
    assert (await api.post("/api/channels/c", content="x", headers=unknown)).status_code == 201


async def test_a_body_that_turns_out_too_large_is_refused(start: Start) -> None:
    async def drip(size: int) -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    api = await start(limits={"max_body_bytes": 100})
    response = await api.post("/api/channels/c", content=drip(101))
    assert "content-length" not in response.request.headers
    assert error(response) == (413, "too_large")
    assert (await api.post("/api/channels/c", content=drip(100))).status_code == 201


async def test_a_message_that_is_too_long_is_refused(start: Start) -> None:
    api = await start(limits={"max_message_chars": 10})
    assert error(await api.post("/api/chat", json={"message": "x" * 11})) == (400, "bad_request")
    assert (await api.post("/api/chat", json={"message": "x" * 10})).status_code == 200


async def test_limits_can_be_switched_off(start: Start) -> None:
    api = await start(limits={"enabled": False, "max_message_chars": 1, "max_body_bytes": 1})
    assert (await api.post("/api/chat", json=QUESTION)).status_code == 200


async def test_a_model_that_cannot_be_reached_is_a_bad_gateway(start: Start) -> None:
    api = await start(models={"nobody": AWAY})
    response = await api.post("/api/chat", json=QUESTION)
    assert error(response) == (502, "upstream_unreachable")
    assert response.json()["error"]["retryable"] is True
    assert response.headers["location"] == f"/api/streams/{response.headers['x-run-id']}"


async def test_more_answers_than_allowed_are_refused_with_a_time_to_come_back(
    start: Start, tmp_path: Path
) -> None:
    log = {"url": f"sqlite:///{tmp_path}/log.db"}  # it takes a moment to make a stream
    api = await start(limits={"max_runs": 2}, models=SLOW, log=log)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(api.post("/api/chat", json=QUESTION)) for _ in range(5)]
        while sum(task.done() for task in asking) < 3:
            await asyncio.sleep(0)
        refused = [task.result() for task in asking if task.done()]
        for task in asking:
            task.cancel()
    assert [error(response) for response in refused] == [(429, "rate_limited")] * 3
    assert {response.headers["retry-after"] for response in refused} == {"1"}


async def test_who_joins_an_answer_needs_no_room_for_another(start: Start) -> None:
    api = await start(limits={"max_runs": 1}, models=SLOW)
    question, key = {**QUESTION, "session": "s"}, {"Idempotency-Key": "k"}
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(api.post("/api/chat", json=question, headers=key))
        while "tidewire_viewers 1.0" not in (await api.get("/metrics")).text:
            await asyncio.sleep(0)  # the question has not got through yet
        joining = group.create_task(api.post("/api/chat", json=question, headers=key))
        while "tidewire_viewers 2.0" not in (await api.get("/metrics")).text:
            assert not joining.done(), joining.result().text
            await asyncio.sleep(0)
        await api.post("/api/sessions/s/stop")
    assert asking.result().content == joining.result().content


@pytest.mark.parametrize(
    "query", ["from=end", "mode=push", "mode=poll&dialect=ai-sdk", "mode=poll&wait=99"]
)
async def test_what_could_not_be_written_is_not_begun(start: Start, query: str) -> None:
    api = await start()
    response = await api.post(f"/api/chat?{query}", json={**QUESTION, "session": "s"})
    assert error(response) == (400, "bad_request")
    await api.post("/api/chat", json=QUESTION)  # all that came before is stored by now
    assert (await api.post("/api/sessions/s/stop")).status_code == 404


async def test_who_joins_a_run_that_is_refused_is_told_so_by_the_status(start: Start) -> None:
    api = await start(models={"nobody": AWAY})
    key = {"Idempotency-Key": "k"}
    asking = (api.post("/api/chat", json=QUESTION, headers=key) for _ in range(3))
    for response in await asyncio.gather(*asking):
        assert error(response) == (502, "upstream_unreachable")


async def test_the_api_page_promises_no_refusal_but_ours(api: httpx.AsyncClient) -> None:
    page = (await api.get("/openapi.json")).json()
    calls = [call for path in page["paths"].values() for call in path.values()]
    assert not any("422" in call["responses"] for call in calls)
    assert set(page["paths"]["/api/chat"]["post"]["responses"]) == {"200", "204", "4XX"}
    body = page["paths"]["/api/channels/{name}"]["post"]["requestBody"]["content"]
    assert set(body) == {"text/plain", "application/json"}
    assert "requestBody" in page["paths"]["/api/events/{connection}"]["patch"]
