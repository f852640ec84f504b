"""What an answer has used, at any moment of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningStart,
    TextDelta,
    TextStart,
    ToolArgs,
    Usage,
)
from tidewire.models.base import ChatMessage, ChatRequest
from tidewire.models.usage import Meter, estimate_tokens

REQUEST = ChatRequest([ChatMessage("user", "12345678"), ChatMessage("user", "潮水")])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("four", 1), ("tide tables", 3), ("你好世界", 3), ("при", 2), ("🌊", 1)],
)
def test_estimate(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@given(st.text(), st.text())
def test_estimate_of_a_whole_is_about_the_sum_of_its_parts(one: str, other: str) -> None:
    together = estimate_tokens(one + other)
    assert 0 <= estimate_tokens(one) + estimate_tokens(other) - together <= 1


def test_meter_knows_at_any_moment() -> None:
    meter = Meter(REQUEST)
    assert meter.usage() == Usage(input_tokens=12, estimated=True)
    passing: list[AnswerEvent] = [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "hmmm"),
        TextStart("t1"),
        TextDelta("t1", "one"),
        TextDelta("t1", "two"),
        ToolArgs("c1", "{}"),
    ]
    for event in passing:
        meter.add(event)
    assert meter.output_bytes == 12
    assert meter.usage() == Usage(12, 3, 1, estimated=True)


def test_what_the_vendor_counted_replaces_the_estimate() -> None:
    meter = Meter(REQUEST)
    meter.add(TextDelta("t1", "many words"))
    meter.add(Usage(100, 200))
    meter.add(TextDelta("t1", "and more"))
    assert meter.usage() == Usage(100, 200)
