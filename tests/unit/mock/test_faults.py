"""Every fault, and what our adapters make of it: OpenAI's of each, all of the main ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from tests.unit.mock.test_apis import PATHS
from tidewire.answers.events import AnswerEvent, TextDelta
from tidewire.errors import (
    ModelError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from tidewire.models.base import ChatMessage, ChatRequest, Finish, Model
from tidewire.models.openai import OpenAI, Settings
from tidewire.models.registry import build
from tidewire.testing import FakeClock, Fault, MockServer, Rule, Scenario, collect, mock_server

SAID = "High water, 漲潮 🌊, at noon."
QUESTION = ChatRequest([ChatMessage("user", "When?")])


class Heard:
    """What came of an answer before it ended, and how it failed if it did."""

    def __init__(self) -> None:
        self.events: list[AnswerEvent] = []
        self.error: ModelError | None = None

    @property
    def text(self) -> str:
        return text_of(self.events)

    @property
    def is_finished(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Finish)


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


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
        async with asyncio.timeout(10):
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


# every API


def build_for(api: str, mock: MockServer) -> Model:
    return build("m", {"api": api, "base_url": mock.base_url + PATHS[api], "max_retries": 0})


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(break_after=5), "broken"),
        (Fault(end_after=5), "finished"),
        (Fault(error_after=5, message="The sea is rough."), "finished"),
    ],
    ids=["break", "end", "error"],
)
@pytest.mark.parametrize("api", PATHS)
async def test_every_adapter_keeps_what_came(api: str, fault: Fault, state: str) -> None:
    async with mock_server(Scenario([Rule(say=SAID, fault=fault)])) as mock:
        model = build_for(api, mock)
        events = []
        with pytest.raises(ModelError) as caught:
            async for event in model.answer(QUESTION):
                events.append(event)
        await model.aclose()
        assert mock.requests[0].state == state
    assert text_of(events)
    assert SAID.startswith(text_of(events))
    assert ("The sea is rough." in str(caught.value)) == (fault.error_after is not None)


@pytest.mark.parametrize("api", ["openai-responses", "gemini", "ollama", "dashscope"])
async def test_where_the_last_event_says_why_it_ended(api: str) -> None:
    fault = Fault(no_terminator=True)
    async with mock_server(Scenario([Rule(say=SAID, fault=fault)])) as mock:
        model = build_for(api, mock)
        with pytest.raises(UpstreamBroken):
            await collect(model.answer(QUESTION))
        await model.aclose()


@pytest.mark.parametrize("sent", [0, 5], ids=["before the first token", "in the middle"])
@pytest.mark.parametrize("api", PATHS)
async def test_the_mock_sees_that_its_client_has_left(api: str, sent: int) -> None:
    """This is how a test shows that a stop has reached the model."""
    async with mock_server(Scenario([Rule(say=SAID, fault=Fault(stall_after=sent))])) as mock:
        model = build_for(api, mock)
        spoke = asyncio.Event()
        hearing = asyncio.create_task(_hear(model, spoke))
        async with asyncio.timeout(10):
            await (spoke.wait() if sent else _until(lambda: bool(mock.requests)))
        assert mock.requests[0].state == "answering"
        hearing.cancel()
        async with asyncio.timeout(10):
            await mock.requests[0].ended.wait()
        assert mock.requests[0].state == "left"
        await model.aclose()


async def _hear(model: Model, spoke: asyncio.Event) -> None:
    async with aclosing(model.answer(QUESTION)) as answer:
        async for event in answer:
            if isinstance(event, TextDelta):
                spoke.set()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)
