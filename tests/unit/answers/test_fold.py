"""Folding step by step; the cases that both languages share are in conformance/."""

from __future__ import annotations

import time

from tidewire.answers.events import (
    ReasoningDelta,
    RunFinished,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolResult,
)
from tidewire.answers.fold import Fold, TextPart, ToolPart, fold
from tidewire.models.base import Finish


def test_the_text_is_what_the_text_parts_say() -> None:
    message = fold(
        [TextDelta("a", "one "), ReasoningDelta("b", "hidden"), TextDelta("c", "two"), TextEnd("a")]
    )
    assert message.text == "one two"


def test_a_message_that_was_given_out_does_not_change() -> None:
    folding = Fold()
    folding.add(TextStart("a"))
    folding.add(TextDelta("a", "one"))
    before = folding.message()
    folding.add(TextDelta("a", " two"))
    folding.add(RunFinished())
    assert (before.status, before.parts) == ("streaming", [TextPart("a", "one", True)])
    assert folding.message().parts == [TextPart("a", "one two", False)]


def test_an_event_of_another_type_is_passed_over() -> None:
    assert fold([TextDelta("a", "x"), Finish()]) == fold([TextDelta("a", "x")])


def test_a_text_that_goes_on_after_its_end_is_not_lost() -> None:
    message = fold([TextDelta("a", "x"), TextEnd("a"), TextDelta("a", "y")])
    assert message.parts == [TextPart("a", "xy", False)]


def test_a_result_of_null_keeps_the_input_that_was_there() -> None:
    (part,) = fold([ToolReady("c", "f", 1), ToolReady("c", "g"), ToolResult("c", None)]).parts
    assert isinstance(part, ToolPart)
    assert (part.name, part.state, part.input, part.output) == ("g", "output", 1, None)


def test_a_long_answer_costs_no_more_per_delta() -> None:
    def seconds(count: int) -> float:
        started = time.process_time()
        folding = Fold()
        for index in range(count):
            folding.add(TextDelta("a", "word ") if index % 2 else ToolArgs("c", "{}"))
        folding.message()
        return time.process_time() - started

    short = min(seconds(5_000) for _ in range(3))
    assert seconds(100_000) < 20 * short * 4
