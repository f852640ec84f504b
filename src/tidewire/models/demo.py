"""The demo model: offline, scripted, at the pace of a real one.

It shows every kind of event a front end must draw, and says in every answer that it is
a demo. Under a seed the answer is always the same; the words are in demo_script.py.
It never opens a connection.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import assert_never

import msgspec

from tidewire.answers.events import (
    AnswerEvent,
    Data,
    ReasoningDelta,
    TextDelta,
    ToolArgs,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)
from tidewire.models.base import ChatRequest, Finish
from tidewire.models.demo_script import Call, Say, Show, Step, Think, compose
from tidewire.models.parts import Parts
from tidewire.models.tokens import tokens

__all__ = ["Demo", "Settings"]

_TOOL_SECONDS = 0.8


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The pace: seconds to the first token, then tokens per second, both about.

    ``tokens_per_second`` 0 is as fast as it can be, without any waiting.
    """

    first_token_seconds: float = 0.4
    tokens_per_second: float = 45.0


class Demo:
    """A model for trying things out. ``sleep`` is how it keeps its pace."""

    def __init__(
        self,
        name: str,
        settings: Settings | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._settings = settings or Settings()
        self._sleep = sleep

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """See Model. Ends with ``length`` when ``max_tokens`` are said."""
        rng = random.Random(request.seed)
        pace = _Pace(self._settings, rng)
        count = _Count(request)
        parts = Parts()
        reason = "stop"
        await self._sleep(pace.before_the_first())
        for event in _events(compose(_question(request), rng), parts):
            if count.is_full and isinstance(event, TextDelta | ReasoningDelta):
                reason = "length"
                break
            await self._sleep(pace.before(event))
            count.add(event)
            yield event
        for event in parts.close():
            yield event
        yield count.usage()
        yield Finish(reason)

    async def aclose(self) -> None:
        """There is nothing to give back."""


def _question(request: ChatRequest) -> str:
    asked = [message.text for message in request.messages if message.role == "user"]
    return asked[-1] if asked else ""


def _events(steps: list[Step], parts: Parts) -> Iterator[AnswerEvent]:
    """The steps as events; ``parts`` knows at any moment what is open."""
    calls = 0
    for step in steps:
        if isinstance(step, Say):
            for token in tokens(step.text):
                yield from parts.text(token)
        elif isinstance(step, Think):
            for token in tokens(step.text):
                yield from parts.reasoning(token)
        elif isinstance(step, Call):
            calls += 1
            yield from parts.close()
            yield from _call(f"call_{calls}", step)
        elif isinstance(step, Show):
            yield from parts.close()
            yield Data(step.name, step.data)
        else:
            assert_never(step)


def _call(id: str, step: Call) -> Iterator[AnswerEvent]:
    yield ToolStart(id, step.name)
    for token in tokens(msgspec.json.encode(step.input).decode()):
        yield ToolArgs(id, token)
    yield ToolReady(id, step.name, input=step.input)
    yield ToolResult(id, step.output)


class _Pace:
    """How long to wait before each event: every token takes its time, a tool longer."""

    def __init__(self, settings: Settings, rng: random.Random) -> None:
        self._rng = rng
        self._first_seconds = settings.first_token_seconds
        rate = settings.tokens_per_second * rng.uniform(0.8, 1.2)
        self._token_seconds = 1 / rate if rate else 0.0
        self._tool_seconds = _TOOL_SECONDS if rate else 0.0

    def before_the_first(self) -> float:
        return self._first_seconds * self._rng.uniform(0.75, 1.25)

    def before(self, event: AnswerEvent) -> float:
        if isinstance(event, TextDelta | ReasoningDelta | ToolArgs):
            return self._token_seconds * self._rng.uniform(0.5, 1.5)
        return self._tool_seconds if isinstance(event, ToolResult) else 0.0


class _Count:
    """The tokens said so far, and whether that is all that was asked for."""

    def __init__(self, request: ChatRequest) -> None:
        self._input = sum(len(tokens(message.text)) for message in request.messages)
        self._limit = request.max_tokens
        self._output = 0
        self._reasoning = 0

    @property
    def is_full(self) -> bool:
        return self._limit is not None and self._output >= self._limit

    def add(self, event: AnswerEvent) -> None:
        if isinstance(event, TextDelta | ReasoningDelta | ToolArgs):
            self._output += 1
            self._reasoning += isinstance(event, ReasoningDelta)

    def usage(self) -> Usage:
        return Usage(self._input, self._output, self._reasoning)
