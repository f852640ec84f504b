"""Every fault, and what the OpenAI adapter makes of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tidewire.answers.events import AnswerEvent, TextDelta
from tidewire.errors import (
    ModelError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from tidewire.models.base import ChatMessage, ChatRequest, Finish
from tidewire.models.openai import OpenAI, Settings
from tidewire.testing import FakeClock, Fault, MockServer, Rule, Scenario, mock_server

SAID = "High water, 漲潮 🌊, at noon."
QUESTION = ChatRequest([ChatMessage("user", "When?")])


class Heard:
    """What came of an answer before it ended, and how it failed if it did."""

    def __init__(self) -> None:
        self.events: list[AnswerEvent] = []
        self.error: ModelError | None = None

    @property
    def text(self) -> str:
        return "".join(event.delta for event in self.events if isinstance(event, TextDelta))

    @property
    def is_finished(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Finish)


async def ask(mock: MockServer, **settings: Any) -> Heard:
    url = f"{mock.base_url}/v1"
    settings = {"max_retries": 0, **settings}
    model = OpenAI("gpt", Settings(base_url=url, **settings), sleep=FakeClock().sleep)
    heard = Heard()
    try:
        async for event in model.answer(QUESTION):
            heard.events.append(event)
    except ModelError as error:
        heard.error = error
    finally:
        await model.aclose()
    return heard


async def ask_once(fault: Fault, **settings: Any) -> tuple[Heard, str]:
    """What was heard, and what the mock says became of the request."""
    async with mock_server(Scenario([Rule(say=SAID, fault=fault)])) as mock:
        heard = await ask(mock, **settings)
        async with asyncio.timeout(5):
            await mock.requests[-1].ended.wait()
        return heard, mock.requests[-1].state


async def test_status_with_retry_after() -> None:
    heard, state = await ask_once(Fault(status=429, retry_after=2.5, message="Slowly, please."))
    assert isinstance(heard.error, UpstreamRefused)
    assert heard.error.status == 429
    assert heard.error.retry_after_seconds == 2.5
    assert "Slowly, please." in str(heard.error)
    assert (heard.events, state) == ([], "finished")


async def test_a_fault_that_passes() -> None:
    fault = Fault(status=503, retry_after=0, times=2)
    async with mock_server(Scenario([Rule(say=SAID, fault=fault)])) as mock:
        heard = await ask(mock, max_retries=2)
        assert [request.status for request in mock.requests] == [503, 503, 200]
    assert (heard.text, heard.is_finished) == (SAID, True)


@pytest.mark.parametrize(
    "fault",
    [Fault(break_after=4), Fault(break_after_bytes=800), Fault(break_after=4, split=True)],
    ids=["after events", "after bytes", "in pieces"],
)
async def test_break_in_the_middle(fault: Fault) -> None:
    heard, state = await ask_once(fault)
    assert isinstance(heard.error, UpstreamBroken)
    assert heard.text != ""
    assert SAID.startswith(heard.text)
    assert state == "broken"


async def test_end_in_the_middle() -> None:
    heard, state = await ask_once(Fault(end_after=3))
    assert isinstance(heard.error, UpstreamBroken)
    assert (heard.text, state) == ("High water", "finished")


async def test_an_error_inside_the_stream() -> None:
    heard, state = await ask_once(Fault(error_after=3, message="The sea is rough."))
    assert isinstance(heard.error, ModelError)
    assert "The sea is rough." in str(heard.error)
    assert heard.text == "High water"


async def test_garbage() -> None:
    heard, _ = await ask_once(Fault(garbage_after=2))
    assert isinstance(heard.error, UpstreamBroken)
    assert heard.text == "High"


async def test_no_terminator() -> None:
    """The finish reason has come, so nothing is lost."""
    heard, _ = await ask_once(Fault(no_terminator=True))
    assert (heard.error, heard.text, heard.is_finished) == (None, SAID, True)


async def test_a_stall_that_never_ends() -> None:
    heard, state = await ask_once(Fault(stall_after=3), silence_timeout_seconds=0.2)
    assert isinstance(heard.error, UpstreamTimeout)
    assert (heard.text, state) == ("High water", "left")


async def test_no_answer_at_all() -> None:
    heard, state = await ask_once(Fault(stall_after=0), first_event_timeout_seconds=0.2)
    assert isinstance(heard.error, UpstreamTimeout)
    assert (heard.events, state) == ([], "left")


async def test_a_stall_that_passes() -> None:
    started = time.monotonic()
    heard, state = await ask_once(Fault(stall_after=3, stall_seconds=0.3))
    assert time.monotonic() - started >= 0.3
    assert (heard.text, heard.is_finished, state) == (SAID, True, "finished")


@pytest.mark.parametrize(
    "fault", [Fault(split=True), Fault(drip_seconds=1e-6)], ids=["random", "single bytes"]
)
async def test_pieces_cut_anywhere(fault: Fault) -> None:
    heard, _ = await ask_once(fault)
    assert (heard.error, heard.text, heard.is_finished) == (None, SAID, True)


async def test_an_answer_without_end() -> None:
    heard, state = await ask_once(Fault(never_end=True), max_answer_bytes=4 * len(SAID.encode()))
    assert isinstance(heard.error, UpstreamTooLarge)
    assert heard.text.startswith(SAID + SAID)
    assert state == "left"


async def test_the_mock_sees_that_its_client_has_left() -> None:
    async with mock_server(Scenario([Rule(say=SAID, fault=Fault(stall_after=4))])) as mock:
        model = OpenAI("gpt", Settings(base_url=f"{mock.base_url}/v1"))
        answer = model.answer(QUESTION)
        while not isinstance(await anext(answer), TextDelta):
            pass
        assert mock.requests[0].state == "answering"
        await answer.aclose()
        async with asyncio.timeout(1):
            await mock.requests[0].ended.wait()
        assert mock.requests[0].state == "left"
        await model.aclose()
