"""What the next question of a session takes to a model, as the model API gets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.unit.server.conftest import Start
from tidewire.testing import MockServer, Rule, Scenario, mock_server

MODELS = {
    "claude": ("anthropic", "/v1"),
    "opus": ("anthropic", "/v1"),
    "gem": ("gemini", "/v1beta"),
}


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with mock_server(Scenario([Rule(reasoning="Hm.", say="Yes.")])) as mock:
        yield mock


@pytest.fixture
async def api(start: Start, mock: MockServer) -> httpx.AsyncClient:
    tables = {
        name: {"api": api, "base_url": mock.base_url + path} for name, (api, path) in MODELS.items()
    }
    return await start(models=tables)


async def ask(api: httpx.AsyncClient, model: str) -> None:
    answer = await api.post("/api/chat", json={"message": "So?", "session": "s", "model": model})
    assert '"reason":"stop"' in answer.text


def sent(mock: MockServer) -> Any:
    """The conversation in the latest request."""
    body = mock.requests[-1].body
    return body.get("messages") or body["contents"]


QUESTION = {"role": "user", "content": [{"type": "text", "text": "So?"}]}
SAID = {"type": "text", "text": "Yes."}


async def test_a_thought_goes_back_to_the_model_that_signed_it(
    api: httpx.AsyncClient, mock: MockServer
) -> None:
    await ask(api, "claude")
    await ask(api, "claude")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "bW9jayBzaWduYXR1cmU="}
    assert sent(mock) == [QUESTION, {"role": "assistant", "content": [thought, SAID]}, QUESTION]


async def test_another_model_is_told_the_text_alone(
    api: httpx.AsyncClient, mock: MockServer
) -> None:
    await ask(api, "claude")
    await ask(api, "opus")
    assert sent(mock) == [QUESTION, {"role": "assistant", "content": [SAID]}, QUESTION]
    await ask(api, "gem")
    assert [turn["parts"] for turn in sent(mock)] == [
        [{"text": "So?"}], [{"text": "Yes."}], [{"text": "So?"}], [{"text": "Yes."}],
        [{"text": "So?"}],
    ]  # fmt: skip
