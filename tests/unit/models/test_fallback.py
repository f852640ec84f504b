"""The first model that says anything gives the whole answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

import pytest

from tidewire.answers.events import AnswerEvent, RunModel, TextDelta, TextStart
from tidewire.errors import ModelError, UpstreamBroken, UpstreamRefused, UpstreamTimeout
from tidewire.models.base import ChatMessage, ChatRequest, Finish
from tidewire.models.fallback import Fallback

QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])


class Scripted:
    """Says ``events``, then fails with ``error`` if there is one."""

    def __init__(self, name: str, *events: AnswerEvent, error: ModelError | None = None) -> None:
        self.name = name
        self.asked: list[ChatRequest] = []
        self.left = 0
        self.closed = False
        self._events = events
        self._error = error

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        self.asked.append(request)
        try:
            for event in self._events:
                yield event
            if self._error is not None:
                raise self._error
        finally:
            self.left += 1

    async def aclose(self) -> None:
        self.closed = True


BUSY = UpstreamRefused("Busy.", upstream_status=429)
SAID = [TextStart("t1"), TextDelta("t1", "High water."), Finish()]


async def heard(model: Fallback) -> list[AnswerEvent]:
    return [event async for event in model.answer(QUESTION)]


async def test_first_that_answers() -> None:
    first, second = Scripted("a", *SAID), Scripted("b")
    model = Fallback(first, [second])
    assert model.name == "a"
    assert await heard(model) == SAID
    assert second.asked == []


async def test_the_next_is_asked_the_same(caplog: pytest.LogCaptureFixture) -> None:
    first = Scripted("a", error=BUSY)
    second = Scripted("b", error=UpstreamTimeout("Slow."))
    third = Scripted("c", *SAID)
    with caplog.at_level(logging.WARNING, "tidewire.models"):
        assert await heard(Fallback(first, [second, third])) == [RunModel("c"), *SAID]
    assert third.asked == [QUESTION]
    assert [record.getMessage() for record in caplog.records] == [
        "Model a failed (Busy.); asking b instead",
        "Model b failed (Slow.); asking c instead",
    ]


async def test_failure_of_the_last_is_that_of_all() -> None:
    model = Fallback(Scripted("a", error=BUSY), [Scripted("b", error=UpstreamTimeout("Slow."))])
    with pytest.raises(UpstreamTimeout):
        await heard(model)


async def test_answer_that_breaks_off_is_not_begun_anew() -> None:
    second = Scripted("b", *SAID)
    model = Fallback(Scripted("a", *SAID[:2], error=UpstreamBroken("Off.")), [second])
    with pytest.raises(UpstreamBroken):
        await heard(model)
    assert second.asked == []


@pytest.mark.parametrize("error", [None, BUSY])
async def test_leaving_leaves_the_model(error: ModelError | None) -> None:
    """Whichever is answering is closed at once: nothing is generated for nobody."""
    second = Scripted("b", *SAID)
    first = Scripted("a", *(SAID if error is None else []), error=error)
    answer = Fallback(first, [second]).answer(QUESTION)
    await anext(answer)
    await answer.aclose()
    assert (first if error is None else second).left == 1


async def test_closes_only_its_own() -> None:
    first, second = Scripted("a"), Scripted("b")
    await Fallback(first, [second]).aclose()
    assert (first.closed, second.closed) == (True, False)
