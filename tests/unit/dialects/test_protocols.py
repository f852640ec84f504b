"""Whatever a model says is written as each protocol allows, and read back as it was said."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.dialects.answers import answers
from tests.unit.dialects.grammars import GRAMMARS
from tests.unit.dialects.heard import Heard, said
from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    encode,
)
from tidewire.dialects import DIALECTS
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser

EPOCH = "Ab3xY9"


def stored(answer: list[AnswerEvent]) -> list[Event]:
    return [Event(event.type, encode(event)) for event in answer]


def expected(dialect: str, answer: list[AnswerEvent]) -> tuple[Any, ...]:
    """What there is to hear, as far as the protocol can say it."""
    heard = said(answer)
    if dialect in ("openai", "dify"):  # all in one, in the order in which it came
        heard.texts = {0: "".join(e.delta for e in answer if isinstance(e, TextDelta))}
    if dialect == "openai":
        heard.reasonings = {0: "".join(e.delta for e in answer if isinstance(e, ReasoningDelta))}
    if dialect == "dify":  # a call or a thought is said when it is whole, or at the end
        ready = {event.call for event in answer if isinstance(event, ToolReady)}
        heard.calls = {id: call for id, call in heard.calls.items() if id in ready}
        ended = [event.part for event in answer if isinstance(event, ReasoningEnd)]
        order = [*ended, *(part for part in heard.reasonings if part not in ended)]
        heard.reasonings = {part: heard.reasonings[part] for part in order}
    if isinstance(answer[-1], RunFailed) and dialect not in ("openai-responses", "ag-ui"):
        heard.tokens = heard.tokens if dialect == "ai-sdk" else None
    elif dialect == "anthropic":
        heard.tokens = heard.tokens or (0, 0)
    return heard.all


@pytest.mark.parametrize("dialect", GRAMMARS)
@given(answers())
@settings(deadline=None, max_examples=50)
def test_it_is_written_by_the_rules_and_read_as_it_was_said(
    dialect: str, answer: list[AnswerEvent]
) -> None:
    data = DIALECTS[dialect].encoder().encode(EPOCH, 1, stored(answer))
    heard: Heard = GRAMMARS[dialect](Parser().feed(data))
    assert heard.all == expected(dialect, answer)


@pytest.mark.parametrize("dialect", GRAMMARS)
@given(answers(), st.data())
@settings(deadline=None, max_examples=25)
def test_a_copy_goes_on_as_the_encoder_it_was_made_of(
    dialect: str, answer: list[AnswerEvent], data: st.DataObject
) -> None:
    events = stored(answer)
    cut = data.draw(st.integers(0, len(events)))
    one = DIALECTS[dialect].encoder()
    before = one.encode(EPOCH, 1, events[:cut])
    other = copy.copy(one)
    rest = one.encode(EPOCH, cut + 1, events[cut:])
    assert other.encode(EPOCH, cut + 1, events[cut:]) == rest
    heard: Heard = GRAMMARS[dialect](Parser().feed(before + rest))
    assert heard.all == expected(dialect, answer)


@pytest.mark.parametrize("dialect", GRAMMARS)
def test_a_call_that_is_ready_says_no_more(dialect: str) -> None:
    one, two = ToolReady("c1", "f", {}), ToolReady("c2", "f", {})
    calls = [ToolStart("c1", "f"), ToolArgs("c1", "{}"), one, ToolArgs("c1", "{"), one, two, two]
    events = stored([RunStarted("run_1"), *calls, RunFinished("tool_calls")])
    heard = GRAMMARS[dialect](Parser().feed(DIALECTS[dialect].encoder().encode(EPOCH, 1, events)))
    assert list(heard.calls.values()) == [("f", "{}"), ("f", "{}")]


@pytest.mark.parametrize("dialect", GRAMMARS)
def test_a_part_that_is_not_open_is_not_closed(dialect: str) -> None:
    ends = [TextEnd("t1"), ReasoningEnd("r1")]
    said = [*ends, TextStart("t1"), TextDelta("t1", "Hi"), TextEnd("t1"), *ends]
    events = stored([RunStarted("run_1"), *said, RunFinished()])
    heard = GRAMMARS[dialect](Parser().feed(DIALECTS[dialect].encoder().encode(EPOCH, 1, events)))
    assert "".join([*heard.texts.values(), *heard.reasonings.values()]) == "Hi"


@pytest.mark.parametrize("dialect", GRAMMARS)
def test_arguments_that_came_at_once_and_are_no_json_are_said_as_they_came(dialect: str) -> None:
    call = [ToolStart("c1", "f"), ToolReady("c1", "f", invalid="{oops")]
    events = stored([RunStarted("run_1"), *call, RunFinished("tool_calls")])
    heard = GRAMMARS[dialect](Parser().feed(DIALECTS[dialect].encoder().encode(EPOCH, 1, events)))
    assert heard.calls == {"c1": ("f", "{oops")}


@pytest.mark.parametrize(
    ("dialect", "told"),
    [("anthropic", b'"citations_delta"'), ("openai-responses", b'annotation.added"')],
)
@pytest.mark.parametrize("text", [[TextStart("t1"), TextEnd("t1")], []], ids=["text", "no text"])
def test_what_is_cited_waits_for_a_text_whatever_else_begins(
    dialect: str, told: bytes, text: list[AnswerEvent]
) -> None:
    cited = Source("s1", url="https://tides.example/")
    thought = [ReasoningStart("r1"), ReasoningEnd("r1")]
    events = stored([RunStarted("run_1"), cited, *thought, *text, RunFinished()])
    assert DIALECTS[dialect].encoder().encode(EPOCH, 1, events).count(told) == 1


def test_what_is_cited_is_said_of_the_text_that_was_opened_last() -> None:
    texts = [TextStart("t1"), TextStart("t2")]
    events = stored([RunStarted("run_1"), *texts, Source("s1", url="https://tides.example/")])
    told = DIALECTS["anthropic"].encoder().encode(EPOCH, 1, events)
    assert b'"index":1,"delta":{"type":"citations_delta"' in told


@given(answers(), st.data())
@settings(deadline=None, max_examples=50)
def test_who_joins_in_the_middle_of_a_run_is_told_what_is_open(
    answer: list[AnswerEvent], data: st.DataObject
) -> None:
    events = stored(answer)
    cut = data.draw(st.integers(1, len(events) - 1))
    encoder = DIALECTS["ag-ui"].encoder()
    encoder.encode(EPOCH, 1, events[:cut])
    tail = encoder.joining() + encoder.encode(EPOCH, cut + 1, events[cut:])
    heard = GRAMMARS["ag-ui"](Parser().feed(tail))  # by the rules, for who has seen nothing
    for id, text in (heard.texts | heard.reasonings).items():
        rest = [e for e in answer[cut:] if isinstance(e, TextDelta | ReasoningDelta)]
        assert text == "".join(e.delta for e in rest if f"run_1-{e.part}" == id)


@pytest.mark.parametrize("dialect", [name for name in GRAMMARS if name != "ag-ui"])
def test_others_have_nothing_to_say_before_a_middle(dialect: str) -> None:
    encoder = DIALECTS[dialect].encoder()
    assert encoder.joining() == b""


def test_who_joins_is_told_that_the_run_has_started_if_it_has() -> None:
    encoder = DIALECTS["ag-ui"].encoder()
    assert encoder.joining() == b""
    started = b'data: {"type":"RUN_STARTED","threadId":"run_1","runId":"run_1"}\n\n'
    encoder.encode(EPOCH, 1, [Event("run.started", '{"run":"run_1"}')])
    assert encoder.joining() == started
    encoder.encode(EPOCH, 2, [Event("text.start", '{"part":"t1"}'), Event("run.finished", "{}")])
    assert encoder.joining() == started  # then comes stream.reset, or nothing


@given(answers(), st.integers(-1, 40))
@settings(deadline=None, max_examples=25)
def test_a_response_read_after_a_number_is_the_replay_without_what_was_before(
    answer: list[AnswerEvent], number: int
) -> None:
    """``starting_after``, as an endpoint can give it: each number is one event for ever."""
    events = stored(answer)
    once = Parser().feed(DIALECTS["openai-responses"].encoder().encode(EPOCH, 1, events))
    encoder = DIALECTS["openai-responses"].encoder()
    pieces = [encoder.encode(EPOCH, offset, [event]) for offset, event in enumerate(events, 1)]
    assert Parser().feed(b"".join(pieces))[number + 1 :] == once[number + 1 :]
