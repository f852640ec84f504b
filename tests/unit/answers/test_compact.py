"""The compact form says the same as the answer, in fewer events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire.answers.compact import compact, join_deltas
from tidewire.answers.events import (
    TERMINAL_TYPES,
    AnswerEvent,
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolError,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)
from tidewire.answers.fold import fold

IDS = st.sampled_from("ab")
TEXT = st.text(max_size=3)
JSON = st.none() | st.integers(0, 9) | st.dictionaries(IDS, st.booleans(), max_size=1)

# Any order at all: starts and ends may be missing, repeated or late.
EVENTS = st.one_of(
    st.builds(RunStarted, TEXT, session=st.none() | TEXT, model=st.none() | TEXT),
    st.builds(TextStart, IDS),
    st.builds(TextDelta, IDS, TEXT),
    st.builds(TextEnd, IDS),
    st.builds(ReasoningStart, IDS),
    st.builds(ReasoningDelta, IDS, TEXT),
    st.builds(ReasoningEnd, IDS, st.none() | TEXT),
    st.builds(ToolStart, IDS, TEXT),
    st.builds(ToolArgs, IDS, TEXT),
    st.builds(ToolReady, IDS, TEXT, JSON, st.none() | TEXT),
    st.builds(ToolResult, IDS, JSON),
    st.builds(ToolError, IDS, TEXT),
    st.builds(Source, TEXT, url=st.none() | TEXT),
    st.builds(Data, IDS, JSON, id=st.none() | IDS, transient=st.booleans()),
    st.builds(File, TEXT, TEXT),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
)
ENDS = st.one_of(
    st.builds(RunFinished), st.builds(RunStopped), st.builds(RunFailed, TEXT, TEXT, st.booleans())
)
ANSWERS = st.builds(
    lambda events, ends, more: events + ends + more,
    st.lists(EVENTS, max_size=30),
    st.lists(ENDS, max_size=1),
    st.lists(EVENTS | ENDS, max_size=2),
)


@settings(deadline=None)
@given(ANSWERS)
def test_it_folds_into_the_same_message(answer: list[AnswerEvent]) -> None:
    assert fold(compact(answer).events) == fold(answer)


@settings(deadline=None)
@given(ANSWERS, st.data())
def test_it_can_be_continued_with_the_events_after_its_offset(
    answer: list[AnswerEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(answer)))
    start = compact(answer[:cut])
    assert start.offset == cut
    assert fold([*start.events, *answer[start.offset :]]) == fold(answer)


@settings(deadline=None)
@given(ANSWERS)
def test_the_terminal_event_is_the_last(answer: list[AnswerEvent]) -> None:
    types = [event.type for event in compact(answer).events]
    ended = any(event.type in TERMINAL_TYPES for event in answer)
    assert [type for type in types if type in TERMINAL_TYPES] == types[-1:] * ended


@settings(deadline=None)
@given(ANSWERS)
def test_compacting_twice_changes_nothing(answer: list[AnswerEvent]) -> None:
    once = compact(answer).events
    assert compact(once).events == once


def test_one_delta_is_left_of_each_part() -> None:
    answer = [
        RunStarted("r"),
        ReasoningStart("a"), TextStart("a"), ReasoningDelta("a", "h"), TextDelta("a", "He"),
        ReasoningDelta("a", "m"), ReasoningEnd("a", "sig"), TextDelta("a", "llo"), TextEnd("a"),
        ToolStart("c", "f"), ToolArgs("c", "{"), ToolArgs("c", "}"), ToolReady("c", "f", {}),
        Usage(1, 1), Data("card", 1, "x"), Data("card", 2, "x"), Data("note", 3, transient=True),
        Usage(1, 2), RunFinished(),
    ]  # fmt: skip
    assert compact(answer).events == [
        RunStarted("r"),
        ReasoningStart("a"), TextStart("a"), ReasoningDelta("a", "hm"), TextDelta("a", "Hello"),
        ReasoningEnd("a", "sig"), TextEnd("a"),
        ToolStart("c", "f"), ToolArgs("c", "{}"), ToolReady("c", "f", {}),
        Usage(1, 2), Data("card", 2, "x"),
        RunFinished(),
    ]  # fmt: skip


def test_a_part_that_is_open_stays_open() -> None:
    assert compact([TextStart("a"), TextDelta("a", "x"), TextDelta("a", "y")]) == (
        [TextStart("a"), TextDelta("a", "xy")],
        3,
    )


def test_events_outside_the_vocabulary_count_but_are_not_kept() -> None:
    assert compact([TextDelta("a", "x"), None, TextDelta("a", "y")]) == ([TextDelta("a", "xy")], 3)


def test_arguments_stay_on_their_side_of_the_event_that_replaces_them() -> None:
    answer = [ToolArgs("c", "{"), ToolReady("c", "f", invalid="{"), ToolArgs("c", "!")]
    assert compact(answer).events == answer


def test_data_is_replaced_by_data_of_the_same_name_and_id_only() -> None:
    answer = [Data("card", 1, "x"), Data("table", 2, "x"), Data("card", 3, "y"), Data("card", 4)]
    assert compact(answer).events == answer
    assert compact([*answer, Data("card", 5, "x")]).events == [Data("card", 5, "x"), *answer[1:]]


@settings(deadline=None)
@given(ANSWERS)
def test_joined_deltas_say_the_same_in_the_same_order(answer: list[AnswerEvent]) -> None:
    joined = list(join_deltas(answer))
    assert fold(joined) == fold(answer)
    deltas = (TextDelta, ReasoningDelta, ToolArgs)
    others = [event for event in answer if not isinstance(event, deltas)]
    assert [event for event in joined if not isinstance(event, deltas)] == others
    assert list(join_deltas(joined)) == joined


def test_deltas_of_one_part_are_joined_until_another_event_comes() -> None:
    answer = [
        TextDelta("a", "x"),
        TextDelta("a", "y"),
        TextDelta("b", "z"),
        None,
        ToolArgs("a", "w"),
    ]
    joined = [TextDelta("a", "xy"), TextDelta("b", "z"), ToolArgs("a", "w")]
    assert list(join_deltas(answer)) == joined
