"""For the tests of what you build on Tidewire: models, model APIs and time under control.

    from tidewire.testing import Rule, Scenario, ScriptedModel, collect, mock_server

    async def test_my_answer():
        model = ScriptedModel("High water at noon.")
        assert (await collect(model.answer(request))).text == "High water at noon."

    async def test_my_client():
        async with mock_server(Scenario([Rule(match="tide", say="At noon.")])) as mock:
            client = AsyncOpenAI(base_url=f"{mock.base_url}/v1", api_key="none")
            ...
            assert mock.requests[0].question == "When is the tide?"

For pytest, ``pytest_plugins = ["tidewire.pytest_plugin"]`` in a conftest.py gives the
fixture ``tidewire_mock``. A log that keeps nothing is ``Tidewire("memory://")``, or
MemoryLog where its clock is to be yours. docs/mock.md tells of scenarios and faults.
Nothing here opens a connection to anything but 127.0.0.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

from tidewire.answers.events import AnswerEvent, RunFinished, decode
from tidewire.answers.fold import Fold, Message
from tidewire.errors import ModelError
from tidewire.log.memory import MemoryLog
from tidewire.mock.app import Mock
from tidewire.mock.exchange import Exchange
from tidewire.mock.scenario import (
    Cited,
    Fault,
    Pace,
    Rule,
    Scenario,
    Tokens,
    Tool,
    parse_scenario,
)
from tidewire.mock.serve import listening
from tidewire.models.base import ChatRequest, Finish
from tidewire.models.tokens import tokens
from tidewire.runs.source import Composer
from tidewire.wire.parser import Parser, ServerSentEvent

__all__ = [
    "Cited",
    "Exchange",
    "FakeClock",
    "Fault",
    "MemoryLog",
    "MockServer",
    "Pace",
    "Rule",
    "Scenario",
    "ScriptedModel",
    "Step",
    "Tokens",
    "Tool",
    "collect",
    "mock_server",
    "parse_events",
]

Step: TypeAlias = str | AnswerEvent | ModelError | asyncio.Event
"""What a scripted model does next: say a piece of text, yield an event, fail, or wait."""


class ScriptedModel:
    """A Model (models/base.py) that says what it is told, without any network.

    One script for each answer, the last of them for all that follow: a text, said token
    by token, or steps. Parts of text are opened and closed, and a Finish is added, where
    the steps do not. ``requests`` is what was asked; ``left`` counts the answers that
    nobody heard to their end.
    """

    def __init__(self, *scripts: str | Sequence[Step], name: str = "scripted") -> None:
        self.name = name
        self.requests: list[ChatRequest] = []
        self.left = 0
        self._scripts = [_steps(script) for script in scripts or ("",)]

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """See Model. Raises the ModelError of a step, where it stands."""
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        ended = False
        try:
            async for event in _perform(script):
                yield event
            ended = True
        except ModelError:
            ended = True
            raise
        finally:
            self.left += not ended

    async def aclose(self) -> None:
        """There is nothing to give back."""


class FakeClock:
    """Time that passes only when told. Called, it gives its seconds.

    For ``clock=`` and ``sleep=`` of Tidewire's parts: ``sleep`` returns at once, later by
    as much as it was to take. ``slept`` is every pause that was asked for.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)  # others get their turn, as in a real sleep


class MockServer:
    """A running mock of the model APIs; ``base_url`` is without a path.

    OpenAI's clients want ``/v1`` behind it; docs/mock.md has the list.
    """

    def __init__(self, mock: Mock, base_url: str) -> None:
        self.base_url = base_url
        self._mock = mock

    @property
    def requests(self) -> list[Exchange]:
        """What was asked, oldest first, and what has become of it."""
        return list(self._mock.exchanges.latest)

    def play(self, scenario: Scenario | str) -> None:
        """Answers by this one from now on; a string is TOML. Raises ConfigError."""
        self._mock.play(_scenario(scenario))


@asynccontextmanager
async def mock_server(scenario: Scenario | str | None = None) -> AsyncIterator[MockServer]:
    """Mocked model APIs on a free port of 127.0.0.1, in this event loop.

    A string is TOML; without a scenario every question is said back. As fast as can be,
    unless the scenario has a pace. Raises ConfigError.
    """
    mock = Mock(_scenario(scenario))
    async with listening(mock) as url:
        yield MockServer(mock, url)


async def collect(source: AsyncIterable[AnswerEvent] | AsyncIterable[bytes]) -> Message:
    """The message of an answer, read to its end.

    ``source``: a model's answer, a run's events, or the bytes of a stream in the native
    dialect, such as ``response.aiter_bytes()`` of httpx. Raises what the source raises.
    """
    folding = Fold()
    parser = Parser()
    async for said in source:
        for event in _decoded(parser.feed(said)) if isinstance(said, bytes) else [said]:
            folding.add(RunFinished(event.reason) if isinstance(event, Finish) else event)
    return folding.message()


def parse_events(body: bytes) -> list[ServerSentEvent]:
    """The events of a whole event stream, comments left out."""
    return Parser().feed(body)


def _steps(script: str | Sequence[Step]) -> Sequence[Step]:
    return tokens(script) if isinstance(script, str) else script


async def _perform(script: Sequence[Step]) -> AsyncGenerator[AnswerEvent, None]:
    composer = Composer()
    finish = Finish()
    for step in script:
        if isinstance(step, ModelError):
            raise step
        if isinstance(step, asyncio.Event):
            await step.wait()
        elif isinstance(step, Finish):
            finish = step
        else:
            for event in composer.compose(step):
                yield event
    for event in composer.compose(finish):
        yield event


def _scenario(scenario: Scenario | str | None) -> Scenario:
    if isinstance(scenario, str):
        return parse_scenario(scenario)
    return scenario or Scenario()


def _decoded(events: Iterable[ServerSentEvent]) -> Iterable[AnswerEvent]:
    decoded = (decode(event.event, event.data) for event in events)
    return (event for event in decoded if event is not None)
