"""A run: what it stores, how it ends, and that it ends exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.unit.live.scripted import ScriptedSink
from tests.unit.runs.jumping_time import in_no_time
from tidewire.answers.events import (
    TERMINAL_TYPES,
    AnswerEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    TextDelta,
    TextEnd,
    TextStart,
    Usage,
    decode,
)
from tidewire.dialects import find_dialect
from tidewire.errors import LogUnavailable, UpstreamBroken
from tidewire.live.hub import Hub
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.log.memory import MemoryLog
from tidewire.models.answer import Answer, Hear
from tidewire.models.base import ChatMessage, ChatRequest, Finish
from tidewire.models.usage import Meter
from tidewire.runs.run import Limits
from tidewire.runs.runs import Runs, Started
from tidewire.runs.source import Source, reasoning, text

QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])


class House:
    """A log, a hub and runs, as the server has them."""

    def __init__(self, log: MemoryLog | None = None, **limits: Any) -> None:
        self.log = log or MemoryLog()
        self.hub = Hub(self.log)
        self.runs = Runs(self.log, self.hub, limits=Limits(**limits))

    async def start(self, source: Callable[[], Source], **options: Any) -> Started:
        return await self.runs.start(source, **options)

    async def whole(self, source: Callable[[], Source], **options: Any) -> list[AnswerEvent]:
        """Everything a run stores, once it has ended."""
        started = await self.start(source, **options)
        await self.ended(started)
        return await self.stored(started)

    async def ended(self, started: Started) -> None:
        while self.runs.get(started.id) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert (await self.log.info(started.id)).closed

    async def stored(self, started: Started) -> list[AnswerEvent]:
        batch = await self.log.read(started.id, limit=10_000)
        events = [decode(*event) for event in batch.events]
        assert [event.type in TERMINAL_TYPES for event in events if event].count(True) <= 1
        return [event for event in events if event is not None]


async def _hello() -> AsyncGenerator[str, None]:
    yield "Hello "
    yield "water."


async def _hang(*said: AnswerEvent | str) -> AsyncGenerator[AnswerEvent | str, None]:
    for piece in said:
        yield piece
    await asyncio.Event().wait()


# What it is made of


@in_no_time
async def test_a_generator_of_strings() -> None:
    said = await House().whole(_hello)
    assert said[1:] == [
        TextStart("t1"),
        TextDelta("t1", "Hello "),
        TextDelta("t1", "water."),
        TextEnd("t1"),
        RunFinished(),
    ]
    assert isinstance(said[0], RunStarted)


@in_no_time
async def test_texts_reasoning_and_events_may_be_mixed() -> None:
    async def source() -> AsyncGenerator[AnswerEvent | str, None]:
        yield reasoning("Hm.")
        yield text("So")
        yield "me."
        yield Usage(1, 2)
        yield "More."
        yield Finish("length")

    said = await House().whole(source, request=QUESTION)
    assert [event.type for event in said] == [
        "run.started",
        *("reasoning.start", "reasoning.delta", "reasoning.end"),
        *("text.start", "text.delta", "text.delta", "text.end"),
        "usage",
        *("text.start", "text.delta", "text.end"),
        "run.finished",
    ]
    assert said[-1] == RunFinished("length")


@in_no_time
async def test_a_source_that_yields_something_else_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def source() -> AsyncGenerator[Any, None]:
        yield "good"
        yield {"bad": "yield"}

    said = await House().whole(source)
    assert said[-2] == TextEnd("t1")
    assert said[-1] == RunFailed("internal", "The answer could not be finished.", retryable=True)
    assert "TypeError" in caplog.text  # for the operator; never for the viewer


@in_no_time
async def test_a_model_error_ends_the_run_with_its_code_and_keeps_the_text() -> None:
    async def source() -> AsyncGenerator[str, None]:
        yield "partial"
        raise UpstreamBroken("The connection broke.")

    house = House()
    started = await house.start(source)
    await house.ended(started)
    said = await house.stored(started)
    assert said[2:] == [
        TextDelta("t1", "partial"),
        TextEnd("t1"),
        RunFailed("upstream_broken", "The connection broke.", retryable=True),
    ]
    assert started.run is not None and started.run.refused is None


@in_no_time
async def test_a_failure_before_the_first_word_is_a_refusal() -> None:
    async def source() -> AsyncGenerator[str, None]:
        raise UpstreamBroken("Nothing came.")
        yield ""

    house = House()
    started = await house.start(source)
    await house.ended(started)
    assert started.run is not None and started.run.refused is not None
    assert isinstance(started.run.error, UpstreamBroken)


# Limits


@in_no_time
async def test_silence_is_limited() -> None:
    said = await House(max_silence_seconds=60).whole(lambda: _hang("One."))
    assert said[-1] == RunFailed("limit_exceeded", "The answer stalled.", retryable=True)
    assert 60 < asyncio.get_running_loop().time() < 63


@in_no_time
async def test_time_is_limited_though_it_never_falls_silent() -> None:
    async def source() -> AsyncGenerator[str, None]:
        while True:
            yield "more "
            await asyncio.sleep(5)

    said = await House(max_seconds=600, max_silence_seconds=60).whole(source)
    assert said[-1] == RunFailed("limit_exceeded", "The answer took too long.", retryable=True)
    assert sum(isinstance(event, TextDelta) for event in said) == 120 + 1


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_bytes": 10_000}, "The answer is over its size limit."),
        ({"max_event_bytes": 50}, "The answer is over its size limit."),
        ({"max_events": 100}, "The answer has too many events."),
    ],
)
@in_no_time
async def test_size_is_limited(limits: dict[str, int], message: str) -> None:
    async def source() -> AsyncGenerator[str, None]:
        for size in range(1_000_000):
            yield "x" * min(size + 1, 100)

    said = await House(**limits).whole(source)
    assert said[-1] == RunFailed("limit_exceeded", message)
    assert said[-2] == TextEnd("t1")


# Stop


@in_no_time
async def test_stop_keeps_the_text_estimates_usage_and_is_idempotent() -> None:
    house = House()
    started = await house.start(lambda: _hang("High ", "water."), request=QUESTION)
    await asyncio.sleep(1)
    for _ in range(3):
        assert (await house.runs.stop(started.id)).closed
    await house.ended(started)
    await house.runs.stop(started.id)
    said = await house.stored(started)
    assert said[1:-2] == [
        TextStart("t1"),
        TextDelta("t1", "High "),
        TextDelta("t1", "water."),
        TextEnd("t1"),
    ]
    assert isinstance(said[-2], Usage) and said[-2].estimated and said[-2].output_tokens == 3
    assert said[-1] == RunStopped("stop")


@in_no_time
async def test_an_answer_that_keeps_count_itself_is_not_counted_again() -> None:
    meter = Meter(ChatRequest([]))  # of a question without words, which the run's has

    async def break_off(hear: Hear) -> None:
        for event in (TextStart("t1"), TextDelta("t1", "High water")):
            meter.add(event)
            hear(event)
        raise UpstreamBroken("Off.")

    said = await House().whole(lambda: Answer(break_off, meter), request=QUESTION)
    assert said[-2] == Usage(input_tokens=0, output_tokens=3, estimated=True)


@in_no_time
async def test_stop_before_the_source_was_asked() -> None:
    house = House()
    started = await house.start(lambda: _hang("never"))
    assert (await house.runs.stop(started.id)).closed
    await house.ended(started)
    said = await house.stored(started)
    assert [event.type for event in said] == ["run.started", "run.stopped"]


@in_no_time
async def test_a_source_that_ignores_cancellation_delays_nobody() -> None:
    asked: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        yield "said "
        while True:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                asked.append("to go")
                await asyncio.sleep(2)
            yield "never stored"

    house = House()
    started = await house.start(source)
    await asyncio.sleep(1)
    assert (await house.runs.stop(started.id)).closed
    assert asyncio.get_running_loop().time() < 1.1
    await house.ended(started)
    assert asyncio.get_running_loop().time() < 4  # the next word was enough
    assert asked == ["to go"]
    said = await house.stored(started)
    assert [event.type for event in said[-3:]] == ["text.delta", "text.end", "run.stopped"]


@in_no_time
async def test_a_source_that_never_lets_go_does_not_hold_up_the_end() -> None:
    async def source() -> AsyncGenerator[str, None]:
        yield "said"
        for _ in range(100):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

    house = House()
    started = await house.start(source)
    await asyncio.sleep(1)
    await house.runs.close(drain_seconds=5)
    assert asyncio.get_running_loop().time() < 15
    assert (await house.stored(started))[-1].type == "run.failed"
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)


# Leaving


@in_no_time
async def test_linger_begins_anew_when_somebody_was_here() -> None:
    house = House()
    started = await house.start(lambda: _hang("…"), linger_seconds=10)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(1)
    for _ in range(3):  # comes and goes, alone for 6 s each time
        assert house.hub.on_empty is not None
        house.hub.on_empty(started.id)
        await asyncio.sleep(6)
    assert house.runs.get(started.id) is not None
    await house.ended(started)
    assert loop.time() == pytest.approx(1 + 12 + 10, abs=0.5)
    assert (await house.stored(started))[-1] == RunStopped("disconnect")


@in_no_time
async def test_who_comes_back_in_time_has_it_go_on_for_as_long_as_he_looks() -> None:
    house = House()
    started = await house.start(lambda: _hang("…"), linger_seconds=10)
    for stay in (1, 60):
        starts = Starts([(started.stream, Start())])
        async with Subscription(house.hub, starts, find_dialect("native"), ScriptedSink()):
            await asyncio.sleep(stay)
            assert house.runs.get(started.id) is not None
        await asyncio.sleep(8)
    assert house.runs.get(started.id) is not None
    await asyncio.sleep(3)
    assert house.runs.get(started.id) is None


# Storage that fails


class FailingLog(MemoryLog):
    """Refuses to store while ``is_full``; what waits then is lost."""

    is_full = False

    def _commit(self) -> None:
        if self.is_full:
            pending, self._pending = self._pending, []
            for entry in pending:
                entry.future.set_exception(LogUnavailable("The disk is full."))
                entry.future.exception()
        super()._commit()


@in_no_time
async def test_nothing_follows_what_could_not_be_stored() -> None:
    """One delta is refused, and space comes back before the next: the text has no hole."""
    log = FailingLog()
    house = House(log)

    async def source() -> AsyncGenerator[str, None]:
        yield "one "
        await asyncio.sleep(1)
        log.is_full = True
        yield "two "
        await asyncio.sleep(1)
        log.is_full = False
        yield "three"

    said = await house.whole(source)
    assert [event.delta for event in said if isinstance(event, TextDelta)] == ["one "]
    assert isinstance(said[-1], RunFailed) and said[-1].code == "log_unavailable"
    assert said[-1].retryable


@in_no_time
async def test_nothing_is_said_in_a_run_whose_beginning_could_not_be_stored() -> None:
    log = FailingLog()

    async def source() -> AsyncGenerator[str, None]:
        await asyncio.sleep(1)
        log.is_full = False
        yield "one"

    log.is_full = True
    (end,) = await House(log).whole(source)
    assert isinstance(end, RunFailed) and end.code == "log_unavailable"


@in_no_time
async def test_an_answer_whose_last_word_was_lost_is_not_finished() -> None:
    log = FailingLog()
    house = House(log)

    async def source() -> AsyncGenerator[str, None]:
        yield "one "
        await asyncio.sleep(1)
        log.is_full = True
        yield "two"
        await asyncio.sleep(1)
        log.is_full = False

    said = await house.whole(source)
    assert isinstance(said[-1], RunFailed) and said[-1].code == "log_unavailable"


@in_no_time
async def test_the_end_is_stored_once_there_is_space_however_often_it_is_stopped() -> None:
    log = FailingLog()
    house = House(log)
    started = await house.start(lambda: _hang("one "))
    await asyncio.sleep(1)
    log.is_full = True
    for _ in range(3):
        assert not (await house.runs.stop(started.id)).closed
    await asyncio.sleep(30)
    log.is_full = False
    await house.ended(started)
    said = await house.stored(started)
    assert isinstance(said[-1], RunFailed) and said[-1].code == "log_unavailable"


# Other processes


@in_no_time
async def test_a_run_that_was_taken_over_lets_go_though_its_source_is_silent() -> None:
    log = MemoryLog()
    ours, theirs = House(log), House(log)
    log.listener = ours.hub.deliver  # as a log that two processes share tells each of them
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[str, None]:
        yield "one"
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()

    started = await ours.start(source)
    await asyncio.sleep(5)
    await theirs.runs.stop(started.id)
    async with asyncio.timeout(0.5):
        await closed.wait()
    await ours.ended(started)
    said = await ours.stored(started)
    assert said[-1] == RunStopped("stop")
    assert said[-2] == TextEnd("t1")


@in_no_time
async def test_text_that_has_no_utf8_fails_the_run_and_nothing_else() -> None:
    """Half a surrogate pair, of the model or in what it was asked."""
    question = ChatRequest([ChatMessage("user", "half \ud83c")])
    said = await House().whole(lambda: _hang("whole ", "\ud83c"), request=question)
    assert TextDelta("t1", "whole ") in said
    assert isinstance(said[-2], Usage) and said[-2].estimated
    assert isinstance(said[-1], RunFailed) and said[-1].code == "internal"


@in_no_time
async def test_a_source_that_is_broken_off_is_closed_before_the_run_is_over() -> None:
    closed = False

    async def source() -> AsyncGenerator[str, None]:
        nonlocal closed
        try:
            while True:
                yield "on and on "
        finally:
            await asyncio.sleep(1)  # a connection that takes its leave
            closed = True

    said = await House(max_bytes=1000).whole(source)
    assert said[-1] == RunFailed("limit_exceeded", "The answer is over its size limit.")
    assert closed
