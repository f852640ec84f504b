"""Every adapter against a model API that breaks: the same faults, the same outcomes.

What is OpenAI's own, and what is not the vendor's but HTTP's, is in
test_upstream_openai.py.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.faults.fake_upstream import Behaviour, Exchange, FakeUpstream
from tests.faults.vendors import KEY, VENDORS, Vendor
from tidewire.answers.events import AnswerEvent, TextDelta, Usage
from tidewire.errors import (
    ModelError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from tidewire.models.base import ChatMessage, ChatRequest, Finish

QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


async def ask(
    vendor: Vendor, behave: Behaviour, **settings: Any
) -> tuple[list[AnswerEvent], ModelError | None]:
    """What the adapter yields, and how it failed if it did."""
    events: list[AnswerEvent] = []
    async with FakeUpstream(behave) as upstream:
        model = vendor.made(upstream.url, **settings)
        try:
            async for event in model.answer(QUESTION):
                events.append(event)
        except ModelError as error:
            return events, error
        finally:
            await model.aclose()
    return events, None


def text(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


async def test_whole_answer(vendor: Vendor) -> None:
    pieces = [vendor.says("High "), vendor.says("water."), vendor.end]
    async with FakeUpstream(lambda x: vendor.stream(x, *pieces)) as upstream:
        model = vendor.made(upstream.url)
        events = [event async for event in model.answer(QUESTION)]
        await model.aclose()
    (exchange,) = upstream.exchanges
    assert text(events) == "High water."
    assert isinstance(events[-2], Usage)
    assert (events[-2].output_tokens, events[-2].estimated) == (7, False)
    assert events[-1] == Finish("stop")
    assert exchange.target == vendor.target
    name, value = vendor.key_header
    assert exchange.headers[name] == value


async def test_one_byte_at_a_time(vendor: Vendor) -> None:
    answer = vendor.says("满潮 🌊") + vendor.end
    events, error = await ask(vendor, lambda x: vendor.stream(x, *[bytes([b]) for b in answer]))
    assert (text(events), error) == ("满潮 🌊", None)


async def test_breaks_off_in_the_middle(vendor: Vendor) -> None:
    async def behave(x: Exchange) -> None:
        await x.start(vendor.content_type)
        await x.send(vendor.says("half an "))
        await asyncio.sleep(0.05)  # the reset would discard what is not read yet
        x.abort()

    events, error = await ask(vendor, behave)
    assert text(events) == "half an "
    assert type(error) is UpstreamBroken
    assert error.retryable


async def test_ends_without_saying_why(vendor: Vendor) -> None:
    half = vendor.says("lost")[:-12]
    events, error = await ask(vendor, lambda x: vendor.stream(x, vendor.says("half"), half))
    assert text(events) == "half"
    assert type(error) is UpstreamBroken


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "upstream_refused", False),
        (401, "upstream_unauthorized", False),
        (429, "upstream_rate_limited", True),
        (503, "upstream_refused", True),
    ],
)
async def test_refused(vendor: Vendor, status: int, code: str, retryable: bool) -> None:
    body = json.dumps(vendor.refusal).encode()
    events, error = await ask(vendor, lambda x: x.reply(status, body, headers="Retry-After: 7\r\n"))
    assert events == []
    assert isinstance(error, UpstreamRefused)
    assert (error.code, error.status, error.retryable) == (code, status, retryable)
    assert error.retry_after_seconds == 7
    assert str(error) == f"The model API answered {status}: Not now."


async def test_refusal_that_quotes_the_key(vendor: Vendor) -> None:
    body = json.dumps({"error": {"message": f"Bad key {KEY}"}}).encode()
    _, error = await ask(vendor, lambda x: x.reply(401, body))
    assert str(error) == "The model API answered 401: Bad key [redacted]"


async def test_garbage_in_the_stream(vendor: Vendor) -> None:
    pieces = [vendor.says("good"), vendor.garbage, vendor.end]
    events, error = await ask(vendor, lambda x: vendor.stream(x, *pieces))
    assert text(events) == "good"
    assert type(error) is UpstreamBroken


async def test_error_inside_the_stream(vendor: Vendor) -> None:
    events, error = await ask(vendor, lambda x: vendor.stream(x, vendor.says("some"), vendor.fault))
    assert text(events) == "some"
    assert type(error) is (UpstreamRefused if vendor.fault_status else UpstreamBroken)
    assert error.upstream_status == vendor.fault_status
    assert str(error) == "The model API reported an error: Out of cards"


async def test_error_that_begins_the_stream_is_tried_again(vendor: Vendor) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def behave(x: Exchange) -> None:
        first = len(upstream.exchanges) == 1
        await vendor.stream(x, vendor.fault if first else vendor.says("now") + vendor.end)

    async with FakeUpstream(behave) as upstream:
        settings = vendor.settings(base_url=upstream.url, model="m-1", max_retries=1)
        model = vendor.model("tide", settings, sleep=sleep)
        events = [event async for event in model.answer(QUESTION)]
        await model.aclose()
    assert text(events) == "now"
    assert [0.25 <= pause <= 0.5 for pause in pauses] == [True]


async def test_falls_silent(vendor: Vendor) -> None:
    async def behave(x: Exchange) -> None:
        await x.start(vendor.content_type)
        await x.send(vendor.says("and then "))
        await x.hang()

    events, error = await ask(vendor, behave, silence_timeout_seconds=0.1)
    assert text(events) == "and then "
    assert type(error) is UpstreamTimeout


async def test_never_begins(vendor: Vendor) -> None:
    async def behave(x: Exchange) -> None:
        await x.start(vendor.content_type)
        await x.hang()

    _, error = await ask(vendor, behave, first_event_timeout_seconds=0.1)
    assert type(error) is UpstreamTimeout


async def test_line_over_the_limit(vendor: Vendor) -> None:
    pieces = [vendor.says("good"), vendor.says("x" * 5_000), vendor.end]
    events, error = await ask(vendor, lambda x: vendor.stream(x, *pieces), max_line_bytes=2_000)
    assert text(events) == "good"
    assert type(error) is UpstreamTooLarge


async def test_answer_over_the_limit(vendor: Vendor) -> None:
    async def behave(x: Exchange) -> None:
        await x.start(vendor.content_type)
        while True:
            await x.send(vendor.says("again " * 100))

    _, error = await ask(vendor, behave, max_answer_bytes=50_000)
    assert type(error) is UpstreamTooLarge
