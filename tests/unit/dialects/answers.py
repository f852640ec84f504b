"""Answers as models give them: every part opened and closed, all kinds of them mixed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tidewire.answers.events import (
    AnswerEvent,
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunModel,
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

TEXT = st.text(st.sampled_from('a {"\n\r你🌊\u2028'), max_size=4)
PIECES = st.lists(TEXT, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | TEXT,
    lambda inner: st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
SOURCES = st.builds(Source, TEXT, url=st.none() | TEXT, document=TEXT, title=st.none() | TEXT)
SINGLES = SOURCES | st.builds(Data, TEXT, JSON, id=st.none() | TEXT) | st.builds(File, TEXT, TEXT)
COUNTS = st.integers(0, 9)
USAGE = st.builds(Usage, st.integers(9, 99), COUNTS, COUNTS, COUNTS)
REASONS = ["stop", "length", "tool_calls", "content_filter", "other"]
ENDS = (
    st.builds(RunFinished, st.sampled_from(REASONS))
    | st.builds(RunStopped)
    | st.builds(RunFailed, st.just("upstream_broken"), TEXT, st.booleans())
)


def text_part(id: str, pieces: list[str]) -> list[AnswerEvent]:
    return [TextStart(id), *(TextDelta(id, piece) for piece in pieces), TextEnd(id)]


def reasoning_part(id: str, pieces: list[str], signature: str | None) -> list[AnswerEvent]:
    said = (ReasoningDelta(id, piece) for piece in pieces)
    return [ReasoningStart(id), *said, ReasoningEnd(id, signature)]


def call(id: str, input: Any, cuts: list[int], broken: bool, answer: Any) -> list[AnswerEvent]:
    """A call whose arguments come in as many pieces as there are ``cuts``."""
    raw = json.dumps(input, ensure_ascii=False, separators=(",", ":")) + ("]" if broken else "")
    places = sorted(cut % (len(raw) + 1) for cut in cuts)
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    args = [ToolArgs(id, piece) for piece in pieces] if cuts else []
    if not args:  # whole at once, and then it is JSON
        broken = False
    ready = ToolReady(id, "f", invalid=raw) if broken else ToolReady(id, "f", input)
    result: AnswerEvent = ToolResult(id, answer)
    if isinstance(answer, str):
        result = ToolError(id, answer)
    return [ToolStart(id, "f"), *args, ready, *([] if answer is None else [result])]


@st.composite
def answers(draw: st.DrawFn) -> list[AnswerEvent]:
    """An answer from ``run.started`` to its end, which may come in the middle of a part."""
    kinds = draw(st.lists(st.sampled_from("trcs"), max_size=5))
    parts = [iter(_part(draw, kind, index)) for index, kind in enumerate(kinds)]
    events: list[AnswerEvent] = [
        RunStarted("run_1", session=draw(st.none() | st.just("s1")), model="m", created=7)
    ]
    if draw(st.booleans()):
        events.append(RunModel("n"))
    events += mixed(draw, parts)
    if draw(st.booleans()):
        events = events[: draw(st.integers(1, len(events)))]
    if draw(st.booleans()):
        events.append(draw(USAGE))
    return [*events, draw(ENDS)]


def _part(draw: st.DrawFn, kind: str, index: int) -> list[AnswerEvent]:
    if kind == "t":
        return text_part(f"t{index}", draw(PIECES))
    if kind == "r":
        return reasoning_part(f"r{index}", draw(PIECES), draw(st.none() | st.just("sig")))
    if kind == "s":
        return [draw(SINGLES)]
    cuts = draw(st.lists(st.integers(0, 99), max_size=3))
    return call(f"c{index}", draw(JSON), cuts, draw(st.booleans()), draw(JSON))


def mixed(draw: st.DrawFn, parts: list[Iterator[AnswerEvent]]) -> Iterator[AnswerEvent]:
    while parts:
        part = draw(st.sampled_from(parts))
        try:
            yield next(part)
        except StopIteration:
            parts.remove(part)
