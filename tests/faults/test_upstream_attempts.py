"""One answer, several attempts: again, later, elsewhere, or by a proxy."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tests.faults.fake_upstream import DONE, FINISH, Behaviour, Exchange, FakeUpstream, said
from tidewire.answers.events import AnswerEvent, TextDelta
from tidewire.errors import UpstreamBroken, UpstreamRefused, UpstreamUnreachable
from tidewire.models.base import ChatMessage, ChatRequest
from tidewire.models.openai import OpenAI, Settings
from tidewire.models.registry import build_all

QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])


class Pauses:
    """Takes the place of sleep, and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Each request is answered by the next of ``behaviours``, all others by the last."""
    left = list(behaviours)

    async def behave(x: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(x)

    return behave


async def whole(x: Exchange) -> None:
    await x.stream(*said("High water."), FINISH, DONE)


async def overloaded(x: Exchange) -> None:
    await x.reply(503, b"{}")


async def slow_down(x: Exchange) -> None:
    await x.reply(429, b"{}", headers="Retry-After: 1\r\n")


async def hang_up(x: Exchange) -> None:
    x.abort()


async def break_off(x: Exchange) -> None:
    await x.start()
    await x.send(said("half")[0])
    await asyncio.sleep(0.05)  # the reset would discard what is not read yet
    x.abort()


async def hang(x: Exchange) -> None:
    await x.start()
    await x.send(said("and")[0])
    await x.hang()


def text(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


async def heard(model: Any) -> str:
    return text([event async for event in model.answer(QUESTION)])


@pytest.mark.parametrize("fault", [overloaded, hang_up, slow_down])
async def test_asks_again_while_nothing_was_heard(fault: Behaviour) -> None:
    pauses = Pauses()
    async with FakeUpstream(in_turn(fault, whole)) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url), sleep=pauses.sleep)
        assert await heard(model) == "High water."
        await model.aclose()
    assert len(upstream.exchanges) == 2
    (pause,) = pauses.seconds
    assert pause == 1 if fault is slow_down else 0.25 <= pause <= 0.5


async def test_asks_no_more_often_than_it_may() -> None:
    pauses = Pauses()
    async with FakeUpstream(overloaded) as upstream:
        settings = Settings(base_url=upstream.url, max_retries=2)
        model = OpenAI("gpt", settings, sleep=pauses.sleep)
        with pytest.raises(UpstreamRefused, match="503"):
            await heard(model)
        await model.aclose()
    assert len(upstream.exchanges) == 3
    assert len(pauses.seconds) == 2


async def test_does_not_ask_again_what_cannot_be_answered() -> None:
    async with FakeUpstream(lambda x: x.reply(401, b"{}")) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        with pytest.raises(UpstreamRefused):
            await heard(model)
        await model.aclose()
    assert len(upstream.exchanges) == 1


async def test_what_was_begun_is_not_begun_anew() -> None:
    async with FakeUpstream(break_off) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        with pytest.raises(UpstreamBroken):
            await heard(model)
        await model.aclose()
    assert len(upstream.exchanges) == 1


async def test_leaving_between_two_attempts() -> None:
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async with FakeUpstream(overloaded) as upstream:
        settings = Settings(base_url=upstream.url, max_concurrent=1, max_queued=0)
        model = OpenAI("gpt", settings, sleep=sleep)
        asking = asyncio.ensure_future(heard(model))
        await waiting.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        upstream.behave = whole
        assert await heard(model) == "High water."  # its turn was given back
        await model.aclose()
    assert len(upstream.exchanges) == 2


async def test_one_answer_too_many_is_429_and_asks_nobody() -> None:
    async with FakeUpstream(hang) as upstream:
        settings = Settings(base_url=upstream.url, max_concurrent=1, max_queued=0)
        model = OpenAI("gpt", settings)
        async with aclosing(model.answer(QUESTION)) as answer:
            await anext(answer)
            with pytest.raises(UpstreamRefused) as caught:
                await heard(model)
        upstream.behave = whole
        assert await heard(model) == "High water."
        await model.aclose()
    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert len(upstream.exchanges) == 2


async def test_falls_back_to_another_api() -> None:
    async with FakeUpstream(overloaded) as busy, FakeUpstream(whole) as idle:
        models = build_all(
            {
                "a": {"api": "ollama", "base_url": busy.url, "max_retries": 0, "fallback": ["b"]},
                "b": {"api": "openai", "base_url": idle.url},
            }
        )
        assert await heard(models["a"]) == "High water."
        for model in models.values():
            await model.aclose()
    assert (len(busy.exchanges), len(idle.exchanges)) == (1, 1)


async def test_by_a_proxy() -> None:
    async with FakeUpstream(whole) as proxy:
        proxy_url = proxy.url.removesuffix("/v1")
        settings = Settings(base_url="http://model.invalid/v1", proxy=proxy_url)
        model = OpenAI("gpt", settings)
        assert await heard(model) == "High water."
        await model.aclose()
    target = "POST http://model.invalid/v1/chat/completions HTTP/1.1"
    assert proxy.exchanges[0].target == target


@pytest.mark.parametrize("trust_env", [True, False])
async def test_proxy_of_the_environment_only_if_trusted(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool
) -> None:
    async with FakeUpstream(whole) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        settings = Settings(base_url="http://model.invalid/v1", trust_env=trust_env, max_retries=0)
        model = OpenAI("gpt", settings)
        if trust_env:
            assert await heard(model) == "High water."
        else:
            with pytest.raises(UpstreamUnreachable):
                await heard(model)
        await model.aclose()
    assert len(proxy.exchanges) == trust_env
