"""The SDKs of OpenAI and Anthropic are let in with their key, and raise what is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2  # which both SDKs stand on
import openai
import pytest

from tidewire.server.app import create_app
from tidewire.server.settings import Settings

SECRET = "sesame"
MODELS: dict[str, Any] = {
    "demo": {"api": "demo", "first_token_seconds": 0, "tokens_per_second": 0},
    "slow": {"api": "demo", "first_token_seconds": 3600},
}
ASKED: Any = [{"role": "user", "content": "hello"}]
HUGE: Any = [{"role": "user", "content": "x" * 2000}]


class Sdks:
    """Clients of one server, by the key that they are given."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    def openai(self, key: str = SECRET) -> openai.AsyncOpenAI:
        url = "http://tidewire.test/v1"
        return openai.AsyncOpenAI(api_key=key, base_url=url, http_client=self.http, max_retries=0)

    def anthropic(self, key: str = SECRET) -> anthropic.AsyncAnthropic:
        url = "http://tidewire.test"
        return anthropic.AsyncAnthropic(
            api_key=key, base_url=url, http_client=self.http, max_retries=0
        )

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """While the one answer that may go on goes on."""
        slow = await self.openai().responses.create(model="slow", input="x", background=True)
        yield
        await self.openai().responses.cancel(slow.id)


@pytest.fixture
async def sdks() -> AsyncIterator[Sdks]:
    limits: Any = {"max_runs": 1, "max_body_bytes": 1000}
    log: Any = {"url": "memory://"}
    auth: Any = {"secret": SECRET}
    app = create_app(Settings(log=log, models=MODELS, limits=limits, auth=auth))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http,
    ):
        yield Sdks(http)


async def test_anthropics_key_is_the_servers_secret(sdks: Sdks) -> None:
    message = await sdks.anthropic().messages.create(model="demo", max_tokens=9, messages=ASKED)
    assert message.stop_reason == "max_tokens"
    assert [model.id async for model in sdks.anthropic().models.list()] == ["demo", "slow"]


async def test_openais_own_errors(sdks: Sdks) -> None:
    async def chat(key: str = SECRET, messages: Any = ASKED, model: str = "demo") -> None:
        await sdks.openai(key).chat.completions.create(model=model, messages=messages)

    with pytest.raises(openai.AuthenticationError, match="secret") as refused:
        await chat("wrong")
    assert refused.value.code == "unauthorized"
    with pytest.raises(openai.APIStatusError, match="over 1000 bytes") as too_large:
        await chat(messages=HUGE)
    assert (too_large.value.status_code, too_large.value.code) == (413, "too_large")
    with pytest.raises(openai.NotFoundError, match="no model 'none'"):
        await chat(model="none")
    with pytest.raises(openai.NotFoundError) as missing:
        await sdks.openai().embeddings.create(model="demo", input="x")
    assert missing.value.code == "not_found"
    with pytest.raises(openai.NotFoundError, match="no model 'none'"):
        await sdks.openai().models.retrieve("none")
    async with sdks.busy():
        with pytest.raises(openai.RateLimitError) as busy:
            await chat()
    assert busy.value.code == "rate_limited"
    assert busy.value.response.headers["retry-after"] == "1"


async def test_a_response_that_was_not_stored_is_not_found(sdks: Sdks) -> None:
    client = sdks.openai()
    stored = await client.responses.create(model="demo", input="hello")
    assert (await client.responses.retrieve(stored.id)).output_text == stored.output_text
    other = await client.responses.create(model="demo", input="hello", store=False)
    assert other.output_text
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(other.id)


async def test_what_nothing_here_can_honour_is_refused(sdks: Sdks) -> None:
    chat, responses = sdks.openai().chat.completions, sdks.openai().responses
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        await chat.create(model="demo", messages=ASKED, logprobs=True)
    with pytest.raises(openai.BadRequestError, match="send the conversation"):
        await responses.create(model="demo", input="x", previous_response_id="run_1")
    with pytest.raises(openai.BadRequestError, match="conversation"):
        await responses.create(model="demo", input="x", conversation="conv_1")
    messages = sdks.anthropic().messages
    with pytest.raises(anthropic.BadRequestError, match="inference_geo"):
        await messages.create(model="demo", max_tokens=9, messages=ASKED, inference_geo="us")


async def test_anthropics_own_errors(sdks: Sdks) -> None:
    async def message(key: str = SECRET, messages: Any = ASKED) -> None:
        client = sdks.anthropic(key)
        await client.messages.create(model="demo", max_tokens=9, messages=messages)

    with pytest.raises(anthropic.AuthenticationError, match="secret") as refused:
        await message("wrong")
    assert refused.value.type == "authentication_error"
    with pytest.raises(anthropic.APIStatusError, match="over 1000 bytes") as too_large:
        await message(messages=HUGE)
    assert (too_large.value.status_code, too_large.value.type) == (413, "request_too_large")
    with pytest.raises(anthropic.NotFoundError) as missing:
        await sdks.anthropic().messages.batches.retrieve("none")
    assert missing.value.type == "not_found_error"
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await sdks.anthropic().models.retrieve("none")
    assert unknown.value.type == "not_found_error"
    async with sdks.busy():
        with pytest.raises(anthropic.RateLimitError) as busy:
            await message()
    assert busy.value.type == "rate_limit_error"


async def test_a_server_that_is_restarting(sdks: Sdks) -> None:
    transport: Any = sdks.http._transport
    transport.app.state.tide.runs.draining = True
    with pytest.raises(openai.InternalServerError, match="restarting"):
        await sdks.openai().chat.completions.create(model="demo", messages=ASKED)
    with pytest.raises(anthropic.InternalServerError, match="restarting") as refused:
        await sdks.anthropic().messages.create(model="demo", max_tokens=9, messages=ASKED)
    assert refused.value.status_code == 503
