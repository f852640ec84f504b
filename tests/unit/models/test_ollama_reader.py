"""Ollama's chat lines into answer events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.models.reading import assert_every_cut_reads_the_same, read, read_pieces
from tidewire.answers.events import (
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.errors import ModelError, UpstreamBroken, UpstreamRefused
from tidewire.models.ollama_reader import Reader


def line(content: str | None = "", **message: Any) -> str:
    said = {"role": "assistant", "content": content, **message}
    return json.dumps({"model": "m", "message": said, "done": False}, ensure_ascii=False)


def done(reason: str | None = "stop", **counts: int) -> str:
    said = {"role": "assistant", "content": ""}
    return json.dumps({"message": said, "done": True, "done_reason": reason, **counts})


def call(name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, **more}


def test_text() -> None:
    assert read(Reader(), line("Hi the"), line("re!"), done()) == [
        TextStart("t1"),
        TextDelta("t1", "Hi the"),
        TextDelta("t1", "re!"),
        TextEnd("t1"),
    ]


@pytest.mark.parametrize("name", ["thinking", "reasoning_content"])
def test_thinking_then_text(name: str) -> None:
    events = read(Reader(), line(**{name: "Hm"}), line(**{name: "m"}), line("Yes"), done())
    assert events == [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "Hm"),
        ReasoningDelta("r1", "m"),
        ReasoningEnd("r1"),
        TextStart("t1"),
        TextDelta("t1", "Yes"),
        TextEnd("t1"),
    ]


def test_whole_calls_without_id_get_one() -> None:
    reader = Reader()
    events = read(
        reader,
        line("Looking.", tool_calls=[call("tide", {"port": "Brest"}), call("now")]),
        line(tool_calls=[call("now", {}, id="given")]),
        done(),
    )
    assert events[3:] == [
        ToolStart("call_1", "tide"),
        ToolArgs("call_1", '{"port":"Brest"}'),
        ToolReady("call_1", "tide", input={"port": "Brest"}),
        ToolStart("call_2", "now"),
        ToolArgs("call_2", "{}"),
        ToolReady("call_2", "now", input={}),
        ToolStart("given", "now"),
        ToolArgs("given", "{}"),
        ToolReady("given", "now", input={}),
    ]
    assert reader.reason == "tool_calls"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("length", "length"), ("load", "other"), (None, "stop"), ("new", "other")],
)
def test_finish_reason(theirs: str | None, ours: str) -> None:
    reader = Reader()
    assert reader.feed(done(theirs)) == []
    assert (reader.complete, reader.terminated, reader.reason) == (True, True, ours)


def test_calls_that_are_cut_by_the_limit_are_no_tool_calls() -> None:
    reader = Reader()
    read(reader, line(tool_calls=[call("f")]), done("length"))
    assert reader.reason == "length"


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_eval_count": 26, "eval_count": 9}, Usage(26, 9)),
        ({"eval_count": 9}, Usage(0, 9)),  # the prompt was still in memory
        ({}, None),
    ],
)
def test_usage(counts: dict[str, int], usage: Usage | None) -> None:
    reader = Reader()
    reader.feed(done(**counts))
    assert reader.usage == usage


@pytest.mark.parametrize(
    "data", [line(""), line(None), '{"model":"m"}', line(tool_calls=[]), '{"status":"pulling"}']
)
def test_line_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


@pytest.mark.parametrize(
    "data", ["", "nope", "[]", "null", '{"message":7}', '{"message":{"tool_calls":[{}]}}']
)
def test_not_a_line(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ("model runner has stopped", UpstreamBroken, None),
        ({"message": "model runner has stopped", "code": 503}, UpstreamRefused, 503),
    ],
)
def test_error_line(error: Any, kind: type[ModelError], status: int | None) -> None:
    with pytest.raises(kind, match="runner has stopped") as caught:
        Reader().feed(json.dumps({"error": error}))
    assert caught.value.upstream_status == status


def test_end_in_the_middle() -> None:
    with pytest.raises(UpstreamBroken, match="middle"):
        read(Reader(), line("half"))


_STREAM = "\n".join(
    [
        line(thinking="Hm 🤔"),
        line("潮 👩🏽‍💻"),
        "",
        line(tool_calls=[call("f", {"a": "ü"})]),
        done(prompt_eval_count=3, eval_count=7),
    ]
).encode()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""], ids=repr)
def test_every_cut_reads_the_same(ending: bytes) -> None:
    stream = _STREAM + ending
    assert_every_cut_reads_the_same(Reader, stream, lines=True)
    events, usage, reason = read_pieces(Reader, [stream], lines=True)
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["潮 👩🏽‍💻"]
    assert (usage, reason) == (Usage(3, 7), "tool_calls")
