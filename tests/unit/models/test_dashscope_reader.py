"""DashScope's generation stream into answer events, with and without increments."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.unit.models.reading import assert_every_cut_reads_the_same, read, read_pieces
from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.errors import ModelError, UpstreamBroken, UpstreamRefused
from tidewire.models.dashscope_reader import Reader


def frame(
    content: Any = "", reasoning: str = "", *, finish: str | None = "null", **message: Any
) -> str:
    said = {"role": "assistant", "content": content, "reasoning_content": reasoning, **message}
    choice = {"message": said, "finish_reason": finish}
    return json.dumps({"output": {"choices": [choice]}, "request_id": "r"}, ensure_ascii=False)


def call(index: int, arguments: str, *, id: str = "", name: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": id, "type": "function", "function": function}


ANSWER: list[AnswerEvent] = [
    ReasoningStart("r1"),
    ReasoningDelta("r1", "Let me "),
    ReasoningDelta("r1", "see."),
    ReasoningEnd("r1"),
    TextStart("t1"),
    TextDelta("t1", "High "),
    TextDelta("t1", "water"),
    TextEnd("t1"),
]


def test_increments() -> None:
    events = read(
        Reader(),
        frame(reasoning="Let me "),
        frame(reasoning="see."),
        frame("High "),
        frame("water"),
        frame(finish="stop"),
    )
    assert events == ANSWER


def test_without_increments_only_what_is_new_counts() -> None:
    events = read(
        Reader(incremental=False),
        frame(reasoning="Let me "),
        frame(reasoning="Let me see."),
        frame("High ", "Let me see."),
        frame("High ", "Let me see."),
        frame("High water", ""),
        frame("High water", "Let me see.", finish="stop"),
    )
    assert events == ANSWER


def test_model_that_was_not_to_increment_and_does() -> None:
    reader = Reader(incremental=False)
    reader.feed(frame("High "))
    with pytest.raises(UpstreamBroken, match="incremental_output"):
        reader.feed(frame("water"))


def test_content_in_pieces() -> None:
    events = read(
        Reader(incremental=False),
        frame([{"text": "Hel"}]),
        frame([{"text": "Hello"}], finish="stop"),
    )
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["Hel", "lo"]


def test_result_format_text() -> None:
    events = read(
        Reader(incremental=False),
        '{"output":{"text":"我是","finish_reason":"null"}}',
        '{"output":{"text":"我是阿里","finish_reason":"stop"}}',
    )
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["我是", "阿里"]


CALLS: list[AnswerEvent] = [
    ToolStart("a", "tide"),
    ToolArgs("a", '{"port"'),
    ToolStart("b", "now"),
    ToolArgs("b", "{"),
    ToolArgs("a", ':"Brest"}'),
    ToolArgs("b", "}"),
    ToolReady("a", "tide", input={"port": "Brest"}),
    ToolReady("b", "now", input={}),
]


def test_interleaved_tool_calls() -> None:
    events = read(
        Reader(),
        frame(tool_calls=[call(0, '{"port"', id="a", name="tide")]),
        frame(tool_calls=[call(1, "{", id="b", name="now")]),
        frame(tool_calls=[call(0, ':"Brest"}')]),
        frame(tool_calls=[call(1, "}")], finish="tool_calls"),
    )
    assert events == CALLS


def test_call_without_arguments() -> None:
    now = {"index": 0, "id": "a", "type": "function", "function": {"name": "now"}}
    events = read(Reader(incremental=False), frame(tool_calls=[now], finish="tool_calls"))
    assert events == [ToolStart("a", "now"), ToolReady("a", "now", input={})]


def test_tool_calls_that_are_repeated_whole() -> None:
    tide = partial(call, 0, id="a", name="tide")
    now = partial(call, 1, id="b", name="now")
    whole = '{"port":"Brest"}'
    events = read(
        Reader(incremental=False),
        frame(tool_calls=[tide('{"port"')]),
        frame(tool_calls=[tide('{"port"'), now("{")]),
        frame(tool_calls=[tide(whole), now("{}")], finish="tool_calls"),
    )
    assert events == CALLS


def test_what_was_found_is_cited_once() -> None:
    search = {"search_results": [{"index": 1, "title": "Sea", "url": "https://sea.example"}]}
    data = json.dumps({"output": {"choices": [], "search_info": search}})
    events = read(Reader(), data, data, frame(finish="stop"))
    assert events == [Source("s1", url="https://sea.example", title="Sea")]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "tool_calls"), ("new", "other")],
)
def test_finish_reason(theirs: str, ours: str) -> None:
    reader = Reader()
    reader.feed(frame(finish=theirs))
    assert (reader.complete, reader.terminated, reader.reason) == (True, False, ours)


@pytest.mark.parametrize(
    "data",
    [
        frame(),
        frame(None, finish=None),
        frame([], finish=""),
        frame([{"image": "https://sea.example/1.png"}]),
        frame(tool_calls=None),
        '{"output":{"choices":[]}}',
        '{"output":null,"request_id":"r"}',
        '{"event_of_tomorrow":1}',
    ],
)
def test_frame_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


def test_usage_is_that_of_the_last_frame() -> None:
    reader = Reader()
    for count in (1, 9):
        usage = {
            "input_tokens": 20,
            "output_tokens": count,
            "prompt_tokens_details": {"cached_tokens": 16},
            "output_tokens_details": {"reasoning_tokens": 4},
        }
        reader.feed(json.dumps({"usage": usage}))
    assert reader.usage == Usage(20, 9, 4, 16)


@pytest.mark.parametrize(
    ("comments", "code", "kind", "status"),
    [
        (["HTTP_STATUS/400"], "InvalidParameter", UpstreamRefused, 400),
        (["HTTP_STATUS/200", "HTTP_STATUS/500"], "InternalError", UpstreamRefused, 500),
        (["HTTP_STATUS/200"], "Throttling.RateQuota", UpstreamRefused, 429),
        (["keepalive", "connected"], "InternalError", UpstreamBroken, None),
        ([], "InvalidApiKey", UpstreamRefused, 401),
    ],
)
def test_error(comments: list[str], code: str, kind: type[ModelError], status: int | None) -> None:
    reader = Reader(secrets=["hunter2!"])
    for comment in comments:
        reader.comment(comment)
    with pytest.raises(kind, match=r"Not \[redacted\]") as caught:
        reader.feed(json.dumps({"code": code, "message": "Not hunter2!", "request_id": "r"}))
    assert caught.value.upstream_status == status


@pytest.mark.parametrize("data", ["", "nope", "[]", '{"output":7}', '{"output":{"choices":{}}}'])
def test_not_a_frame(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


def test_end_in_the_middle() -> None:
    with pytest.raises(UpstreamBroken, match="middle"):
        read(Reader(), frame("half"))


def stream(*frames: str) -> bytes:
    return "".join(
        f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{data}\n\n"
        for number, data in enumerate(frames, 1)
    ).encode()


@pytest.mark.parametrize(
    ("incremental", "frames"),
    [
        (True, [frame(reasoning="Hm 🤔"), frame("潮 "), frame("👩🏽‍💻", finish="stop")]),
        (False, [frame(reasoning="Hm 🤔"), frame("潮 "), frame("潮 👩🏽‍💻", finish="stop")]),
    ],
)
def test_every_cut_reads_the_same(incremental: bool, frames: list[str]) -> None:
    make = partial(Reader, incremental=incremental)
    assert_every_cut_reads_the_same(make, stream(*frames))
    events, _, reason = read_pieces(make, [stream(*frames)])
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["潮 ", "👩🏽‍💻"]
    assert reason == "stop"
