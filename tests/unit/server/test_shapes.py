"""What is refused before any route runs is refused in the words of the API that was asked."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tidewire.errors import RateLimited
from tidewire.server.refusals import Refuse, error_response, refuse_anthropic, refuse_openai

OPENAI = ("/v1/chat/completions", "/v1/responses", "/v1/responses/run_1", "/v1/models", "/v1/none")
ANTHROPIC = ("/v1/messages", "/v1/messages/batches", "/v1/models")
ANTHROPICS_CLIENT = {"anthropic-version": "2023-06-01"}
REFUSALS: list[tuple[str, dict[str, Any], int]] = [
    ("no secret", {}, 401),
    ("too large", {"content": "x" * 1001}, 413),
    ("no method", {"method": "PATCH"}, 405),
]
POSTED = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/ai-sdk/chat", "/api/ag-ui")


@pytest.fixture
async def locked(start: Start) -> httpx.AsyncClient:
    return await start(auth={"secret": "sesame"}, limits={"max_body_bytes": 1000})


async def refused(api: httpx.AsyncClient, path: str, what: str, **request: Any) -> httpx.Response:
    headers = request.pop("headers", {})
    if what != "no secret":
        headers = {**headers, "Authorization": "Bearer sesame"}
    return await api.request(request.pop("method", "POST"), path, headers=headers, **request)


@pytest.mark.parametrize(("what", "request_", "status"), REFUSALS)
async def test_as_openai_refuses(
    locked: httpx.AsyncClient, what: str, request_: dict[str, Any], status: int
) -> None:
    for path in OPENAI:
        response = await refused(locked, path, what, **request_)
        expected = 404 if (what, path) == ("no method", "/v1/none") else status
        assert response.status_code == expected, path
        assert set(response.json()) == {"error"}
        assert {"message", "type", "param", "code"} <= set(response.json()["error"]), path


@pytest.mark.parametrize(("what", "request_", "status"), REFUSALS)
async def test_as_anthropic_refuses(
    locked: httpx.AsyncClient, what: str, request_: dict[str, Any], status: int
) -> None:
    for path in ANTHROPIC:
        asked = {**request_, "headers": ANTHROPICS_CLIENT if path == "/v1/models" else {}}
        response = await refused(locked, path, what, **asked)
        expected = 404 if (what, path) == ("no method", "/v1/messages/batches") else status
        assert response.status_code == expected, path
        assert response.json()["type"] == "error"
        assert {"message", "type"} <= set(response.json()["error"])


async def test_as_the_ai_sdk_shows_it(locked: httpx.AsyncClient) -> None:
    for what, request, status in REFUSALS:
        response = await refused(locked, "/api/ai-sdk/chat", what, **request)
        assert (response.status_code, response.text[-1]) == (status, ".")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_body_has_to_be_called_json(locked: httpx.AsyncClient) -> None:
    for path in POSTED:
        for headers in {"Content-Type": "text/plain"}, {}:
            response = await refused(locked, path, "no JSON", content="{}", headers=headers)
            assert response.status_code == 415, path
            assert "'Content-Type: application/json'" in response.text


async def test_what_a_method_may_be_is_said(locked: httpx.AsyncClient) -> None:
    response = await refused(locked, "/v1/models", "no method", method="PATCH")
    assert response.headers["allow"] == "GET"


OURS = {"code": "rate_limited", "message": "Slow down.", "retryable": True}


@pytest.mark.parametrize(
    ("refuse", "body"),
    [
        (error_response, {"error": OURS}),
        (refuse_openai, {"error": {**OURS, "type": "rate_limit_error", "param": None}}),
        (refuse_anthropic, {"type": "error", "error": {**OURS, "type": "rate_limit_error"}}),
    ],
)
def test_every_shape_says_our_code_and_when_to_try_again(refuse: Refuse, body: Any) -> None:
    response = refuse(RateLimited("Slow down.", retry_after_seconds=0.2), headers={"X-Run-Id": "r"})
    assert response.status_code == 429
    assert json.loads(bytes(response.body)) == body
    assert (response.headers["retry-after"], response.headers["x-run-id"]) == ("1", "r")
