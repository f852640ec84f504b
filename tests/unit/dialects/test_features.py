"""The table of what each dialect keeps: a thing is kept if what is written depends on it."""

from __future__ import annotations

import pytest

from tidewire.answers.events import (
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
    encode,
)
from tidewire.dialects import DIALECTS
from tidewire.dialects.features import Feature
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser

Answer = list[AnswerEvent]

START = RunStarted("run_1", "s1", None, "m")
END = RunFinished()


def text(*more: AnswerEvent) -> Answer:
    return [START, TextStart("t1"), TextDelta("t1", "a"), *more, TextEnd("t1"), END]


def two_parts() -> Answer:
    new_part = (TextEnd("t1"), TextStart("t2"), TextDelta("t2", "b"), TextEnd("t2"))
    return [START, TextStart("t1"), TextDelta("t1", "a"), *new_part, END]


def thought(delta: str, signature: str | None = None) -> Answer:
    said = (ReasoningStart("r1"), ReasoningDelta("r1", delta), ReasoningEnd("r1", signature))
    return [START, *said, END]


def tool(
    result: AnswerEvent | None = None,
    *,
    name: str = "f",
    invalid: bool = False,
    signature: str | None = None,
) -> Answer:
    ready = ToolReady("c1", name, None if invalid else 1, "1" if invalid else None, signature)
    called = (ToolStart("c1", name), ToolArgs("c1", "1"), ready)
    return [START, *called, *([result] if result else []), END]


def usage(*counts: int, estimated: bool = False) -> Answer:
    return [START, Usage(*counts, estimated=estimated), END]


# Two answers, or beginnings of one, that differ in the feature and in nothing else.
DIFFERENCES: dict[Feature, tuple[Answer, Answer]] = {
    Feature.TEXT: (text(TextDelta("t1", "b")), text(TextDelta("t1", "c"))),
    Feature.TEXT_PARTS: (text(TextDelta("t1", "b")), two_parts()),
    Feature.REASONING: (thought("a"), thought("b")),
    Feature.REASONING_STREAM: (thought("a")[:3], thought("b")[:3]),
    Feature.SIGNATURE: (thought("a"), thought("a", "sig")),
    Feature.CALLS: (tool(name="f"), tool(name="g")),
    Feature.CALL_STREAM: (tool()[:2], tool()[:3]),
    Feature.CALL_SIGNATURE: (tool(), tool(signature="sig")),
    Feature.INVALID_CALLS: (tool(), tool(invalid=True)),
    Feature.RESULTS: (tool(ToolResult("c1", "a")), tool(ToolResult("c1", "b"))),
    Feature.TOOL_ERRORS: (tool(ToolResult("c1", "a")), tool(ToolError("c1", "a"))),
    Feature.PAGES: (text(Source("1", url="https://a/")), text(Source("1", url="https://b/"))),
    Feature.DOCUMENTS: (text(Source("1", document="a")), text(Source("1", document="b"))),
    Feature.QUOTES: (text(Source("1", url="u", quote="a")), text(Source("1", url="u", quote="b"))),
    Feature.DATA: ([START, Data("card", 1), END], [START, Data("card", 2), END]),
    Feature.TRANSIENT: ([START, Data("card", 1)], [START, Data("card", 1, transient=True)]),
    Feature.FILES: ([START, File("a", "image/png"), END], [START, File("b", "image/png"), END]),
    Feature.USAGE: (usage(3, 4), usage(4, 3)),
    Feature.USAGE_DETAILS: (usage(3, 4, 0, 0), usage(3, 4, 1, 2)),
    Feature.ESTIMATED: (usage(3, 4), usage(3, 4, estimated=True)),
    Feature.REASON: ([START, RunFinished("length")], [START, RunFinished("content_filter")]),
    Feature.STOPPED: ([START, RunFinished("stop")], [START, RunStopped("stop")]),
    Feature.FAILED: ([START, RunFailed("c", "One.")], [START, RunFailed("c", "Two.")]),
    Feature.CODE: ([START, RunFailed("a", "No.")], [START, RunFailed("b", "No.")]),
    Feature.RETRYABLE: (
        [START, RunFailed("c", "No.", False)],
        [START, RunFailed("c", "No.", True)],
    ),
    Feature.RUN: (text(), [RunStarted("run_2", "s1", None, "m"), *text()[1:]]),
    Feature.SESSION: (text(), [RunStarted("run_1", "s2", None, "m"), *text()[1:]]),
    Feature.MODEL: (usage(1, 1), [RunStarted("run_1", "s1", None, "n"), *usage(1, 1)[1:]]),
}


def written(dialect: str, answer: Answer) -> list[tuple[str, str]]:
    """Names and data, without ids: a cursor only says how many events there are."""
    events = [Event(event.type, encode(event)) for event in answer]
    data = DIALECTS[dialect].encoder().encode("Ab3xY9", 1, events)
    return [(event.event, event.data) for event in Parser().feed(data)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("feature", DIFFERENCES, ids=lambda feature: feature.name)
def test_it_is_kept_if_the_table_says_so(feature: Feature, dialect: str) -> None:
    one, other = DIFFERENCES[feature]
    is_kept = written(dialect, one) != written(dialect, other)
    assert is_kept == (feature in DIALECTS[dialect].keeps)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_cursors_and_resumption_are_as_the_table_says(dialect: str) -> None:
    data = (
        DIALECTS[dialect].encoder().encode("Ab3xY9", 1, [Event(e.type, encode(e)) for e in text()])
    )
    keeps = DIALECTS[dialect].keeps
    assert (b"\nid: " in b"\n" + data) == (Feature.CURSOR in keeps)
    assert DIALECTS[dialect].resumes == (Feature.CONTINUES in keeps)


def test_the_table_has_every_feature() -> None:
    assert DIFFERENCES.keys() | {Feature.CURSOR, Feature.CONTINUES} == set(Feature)
