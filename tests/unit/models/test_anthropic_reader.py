"""Anthropic's message stream into answer events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.reading import assert_every_cut_reads_the_same, read, read_pieces
from tidewire.answers.events import (
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)
from tidewire.errors import ModelError, UpstreamBroken, UpstreamRefused
from tidewire.models.anthropic_reader import Reader


def event(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields}, ensure_ascii=False)


def start(index: int, type: str, **fields: Any) -> str:
    return event("content_block_start", index=index, content_block={"type": type, **fields})


def delta(index: int, type: str, **fields: Any) -> str:
    return event("content_block_delta", index=index, delta={"type": type, **fields})


def stop(index: int) -> str:
    return event("content_block_stop", index=index)


def begin(**usage: int) -> str:
    return event("message_start", message={"id": "msg_1", "content": [], "usage": usage})


def end(reason: str = "end_turn", **usage: Any) -> list[str]:
    closing = {"stop_reason": reason, "stop_sequence": None}
    return [event("message_delta", delta=closing, usage=usage), event("message_stop")]


def test_text() -> None:
    events = read(
        Reader(),
        begin(),
        start(0, "text", text=""),
        event("ping"),
        delta(0, "text_delta", text="Hi the"),
        delta(0, "text_delta", text="re!"),
        stop(0),
        *end(),
    )
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "Hi the"),
        TextDelta("t1", "re!"),
        TextEnd("t1"),
    ]


def test_thinking_with_its_signature() -> None:
    events = read(
        Reader(),
        start(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Tides "),
        delta(0, "thinking_delta", thinking="turn."),
        delta(0, "signature_delta", signature="EqRk"),
        delta(0, "signature_delta", signature="xyz="),
        stop(0),
        start(1, "text", text=""),
        delta(1, "text_delta", text="Yes."),
        stop(1),
        *end(),
    )
    assert events == [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "Tides "),
        ReasoningDelta("r1", "turn."),
        ReasoningEnd("r1", "EqRkxyz="),
        TextStart("t1"),
        TextDelta("t1", "Yes."),
        TextEnd("t1"),
    ]


def test_thinking_that_is_hidden_keeps_its_signature() -> None:
    events = read(
        Reader(),
        start(0, "thinking", thinking=""),
        delta(0, "signature_delta", signature="sig"),
        stop(0),
        start(1, "redacted_thinking", data="b64=="),
        stop(1),
        *end(),
    )
    assert events == [
        ReasoningStart("r1"),
        ReasoningEnd("r1", "sig"),
        ReasoningStart("r2"),
        ReasoningEnd("r2", "redacted:b64=="),
    ]


def test_thinking_that_comes_with_its_start() -> None:
    events = read(Reader(), start(0, "thinking", thinking="Hm", signature="s"), stop(0), *end())
    assert events == [ReasoningStart("r1"), ReasoningDelta("r1", "Hm"), ReasoningEnd("r1", "s")]


def test_thoughts_that_follow_one_another_are_parts_of_their_own() -> None:
    events = read(
        Reader(),
        start(0, "thinking", thinking="one"),
        stop(0),
        start(1, "thinking", thinking="two"),
        delta(1, "signature_delta", signature="s"),
        stop(1),
        *end(),
    )
    assert [e for e in events if isinstance(e, ReasoningEnd)] == [
        ReasoningEnd("r1"),
        ReasoningEnd("r2", "s"),
    ]


def test_interleaved_tool_calls() -> None:
    events = read(
        Reader(),
        start(0, "tool_use", id="toolu_a", name="tide", input={}),
        delta(0, "input_json_delta", partial_json=""),
        delta(0, "input_json_delta", partial_json='{"port"'),
        start(1, "tool_use", id="toolu_b", name="now", input={}),
        delta(0, "input_json_delta", partial_json=':"Brest"}'),
        stop(1),
        stop(0),
        *end("tool_use"),
    )
    assert events == [
        ToolStart("toolu_a", "tide"),
        ToolArgs("toolu_a", '{"port"'),
        ToolStart("toolu_b", "now"),
        ToolArgs("toolu_a", ':"Brest"}'),
        ToolReady("toolu_b", "now", input={}),
        ToolReady("toolu_a", "tide", input={"port": "Brest"}),
    ]


def test_call_whose_input_comes_with_its_start() -> None:
    events = read(
        Reader(), start(0, "tool_use", id="a", name="f", input={"x": 1}), stop(0), *end("tool_use")
    )
    assert events[-1] == ToolReady("a", "f", input={"x": 1})


def test_call_that_is_cut_by_the_limit() -> None:
    events = read(
        Reader(),
        start(0, "tool_use", id="a", name="f"),
        delta(0, "input_json_delta", partial_json='{"x": '),
        *end("max_tokens"),
    )
    assert events[-1] == ToolReady("a", "f", invalid='{"x": ')


@pytest.mark.parametrize("kind", ["server_tool", "mcp_tool"])
def test_tool_that_the_vendor_runs_has_a_result(kind: str) -> None:
    found = [{"type": "web_search_result", "url": "https://sea.example", "title": "Sea"}]
    events = read(
        Reader(),
        start(0, f"{kind}_use", id="srv", name="web_search"),
        delta(0, "input_json_delta", partial_json='{"query":"tide"}'),
        stop(0),
        start(1, f"{kind}_result", tool_use_id="srv", content=found),
        stop(1),
        *end(),
    )
    assert events[-2:] == [
        ToolReady("srv", "web_search", input={"query": "tide"}),
        ToolResult("srv", found),
    ]


def test_cited_text_is_one_part_and_each_place_is_cited_once() -> None:
    page = {"type": "web_search_result_location", "url": "https://sea.example", "title": "Sea"}
    book = {"type": "char_location", "document_index": 0, "document_title": "Almanac"}
    nameless = {"type": "page_location", "document_index": 1, "document_title": None}
    shelf = {"type": "search_result_location", "source": "shelf", "document_index": 2}
    events = read(
        Reader(),
        start(0, "text", text="High water "),
        stop(0),
        start(1, "text", text="", citations=[]),
        delta(1, "text_delta", text="is at noon"),
        delta(1, "citations_delta", citation={**page, "cited_text": "noon"}),
        delta(1, "citations_delta", citation={**page, "cited_text": "noon"}),
        delta(1, "citations_delta", citation={**book, "cited_text": "12:00"}),
        delta(1, "citations_delta", citation=nameless),
        delta(1, "citations_delta", citation=shelf),
        stop(1),
        start(2, "text", text="."),
        stop(2),
        *end(),
    )
    assert [e.part for e in events if isinstance(e, TextStart)] == ["t1"]
    said = "".join(e.delta for e in events if isinstance(e, TextDelta))
    assert said == "High water is at noon."
    assert [e for e in events if isinstance(e, Source)] == [
        Source("s1", url="https://sea.example", title="Sea", quote="noon"),
        Source("s2", document="Almanac", title="Almanac", quote="12:00"),
        Source("s3", document="document 2"),
        Source("s4", document="shelf"),
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "other"),
        ("something_new", "other"),
    ],
)
def test_finish_reason(theirs: str, ours: str) -> None:
    reader = Reader()
    last, terminator = end(theirs)
    reader.feed(last)
    assert (reader.complete, reader.terminated, reader.reason) == (True, False, ours)
    reader.feed(terminator)
    assert reader.terminated


def test_usage_is_cumulative_and_counts_the_cache_as_input() -> None:
    reader = Reader()
    assert reader.usage is None
    reader.feed(
        begin(
            input_tokens=10,
            output_tokens=1,
            cache_read_input_tokens=100,
            cache_creation_input_tokens=5,
        )
    )
    read(reader, *end(output_tokens=42, output_tokens_details={"thinking_tokens": 30}))
    assert reader.usage == Usage(115, 42, reasoning_tokens=30, cached_tokens=100)


def test_what_is_not_counted_is_nothing() -> None:
    reader = Reader()
    reader.feed(end(output_tokens_details={"thinking_tokens": None})[0])
    assert reader.usage == Usage()


@pytest.mark.parametrize(
    "data",
    [
        event("ping"),
        event("pause"),
        event("message_start"),
        event("message_start", message={"usage": None}),
        event("content_block_start", index=0),
        event("content_block_delta", index=0),
        event("message_delta"),
        event("block_of_tomorrow", content_block={"type": "text", "text": "x"}),
        delta(0, "text_delta", text=""),
        delta(0, "delta_of_tomorrow", wave="high"),
        start(0, "block_of_tomorrow", wave="high"),
        start(0, "container_upload", file_id="f"),
        event("event_of_tomorrow", delta="a string", index="none", content_block=7),
        event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 3}),
    ],
)
def test_event_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


@pytest.mark.parametrize(
    "data",
    ["", "nope", "[]", "null", "{}", '{"type":7}', '{"type":"ping"', '{"type":' + "[" * 100_000]
    + [event("content_block_delta", delta={"text": 7}), event("message_delta", delta="x")]
    + [event(f"content_block_{what}", index="none") for what in ("start", "stop")]
    + [event(type, message="none") for type in ("message_start", "message_stop", "error")],
    ids=lambda data: data[:30],
)
def test_not_an_event(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


@pytest.mark.parametrize(
    ("error", "kind", "status", "message"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, UpstreamRefused, 529, "Overloaded"),
        ({"type": "rate_limit_error", "message": "x"}, UpstreamRefused, 429, "x"),
        ({"type": "api_error", "message": "the key hunter2!"}, UpstreamBroken, None, "redacted"),
        (None, UpstreamBroken, None, "failed"),
    ],
)
def test_error_event(error: Any, kind: type[ModelError], status: int | None, message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        Reader(secrets=["hunter2!"]).feed(event("error", error=error))
    assert caught.value.upstream_status == status


def test_end_in_the_middle() -> None:
    reader = Reader()
    reader.feed(start(0, "text", text="half"))
    with pytest.raises(UpstreamBroken, match="middle"):
        reader.end()


_STREAM = "".join(
    f"event: {json.loads(data)['type']}\ndata: {data}\n\n"
    for data in [
        begin(input_tokens=3),
        event("ping"),
        start(0, "thinking", thinking=""),
        delta(0, "thinking_delta", thinking="Hm 🤔"),
        delta(0, "signature_delta", signature="sig=="),
        stop(0),
        start(1, "text", text=""),
        delta(1, "text_delta", text="潮 👩🏽‍💻"),
        stop(1),
        start(2, "tool_use", id="a", name="f", input={}),
        delta(2, "input_json_delta", partial_json='{"a":'),
        delta(2, "input_json_delta", partial_json='"ü"}'),
        stop(2),
        *end("tool_use", output_tokens=7),
    ]
).encode()


def test_every_cut_reads_the_same() -> None:
    assert_every_cut_reads_the_same(Reader, _STREAM)
    events, usage, reason = read_pieces(Reader, [_STREAM])
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["潮 👩🏽‍💻"]
    assert (usage, reason) == (Usage(3, 7), "tool_calls")


@given(st.lists(st.integers(0, len(_STREAM)), max_size=30))
def test_any_cuts_read_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(_STREAM)]
    pieces = [_STREAM[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert read_pieces(Reader, pieces) == read_pieces(Reader, [_STREAM])
