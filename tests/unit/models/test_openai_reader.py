"""Chat completion chunks into answer events, vendor by vendor quirk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tidewire.models.openai_reader import Reader
from tidewire.wire.parser import Parser


def delta(**fields: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


def finish(reason: str = "stop") -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def call(
    index: int | None,
    arguments: str | None = None,
    *,
    id: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": id, "type": "function", "function": function}


def read(*data: str) -> list[AnswerEvent]:
    """All events of a stream of these data."""
    reader = Reader()
    return [event for one in data for event in reader.feed(one)] + reader.end()


def test_text() -> None:
    events = read(
        delta(role="assistant", content=""),
        delta(content="Hi the"),
        delta(content="re!"),
        finish(),
        "[DONE]",
    )
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "Hi the"),
        TextDelta("t1", "re!"),
        TextEnd("t1"),
    ]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_then_text(name: str) -> None:
    events = read(
        delta(**{name: "Think "}),
        delta(**{name: "a bit"}),
        delta(role="assistant", content=""),
        delta(content="Hi", **{name: None}),
        finish(),
    )
    assert events == [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "Think "),
        ReasoningDelta("r1", "a bit"),
        ReasoningEnd("r1"),
        TextStart("t1"),
        TextDelta("t1", "Hi"),
        TextEnd("t1"),
    ]


def test_reasoning_under_both_names_is_read_once() -> None:
    events = read(delta(reasoning_content="so", reasoning="so"), finish())
    assert events == [ReasoningStart("r1"), ReasoningDelta("r1", "so"), ReasoningEnd("r1")]


def test_text_and_reasoning_in_turns_are_parts_of_their_own() -> None:
    events = read(delta(content="a"), delta(reasoning="b"), delta(content="c"), finish())
    opened = [event.part for event in events if isinstance(event, TextStart | ReasoningStart)]
    assert opened == ["t1", "r1", "t2"]


def test_interleaved_tool_calls() -> None:
    events = read(
        delta(content="Looking."),
        delta(tool_calls=[call(0, "", id="a", name="weather")]),
        delta(tool_calls=[call(1, "", id="b", name="time")]),
        delta(tool_calls=[call(0, '{"city"'), call(1, "{")]),
        delta(tool_calls=[call(1, "}"), call(0, ':"Lisboa"}')]),
        finish("tool_calls"),
    )
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "Looking."),
        TextEnd("t1"),
        ToolStart("a", "weather"),
        ToolStart("b", "time"),
        ToolArgs("a", '{"city"'),
        ToolArgs("b", "{"),
        ToolArgs("b", "}"),
        ToolArgs("a", ':"Lisboa"}'),
        ToolReady("a", "weather", input={"city": "Lisboa"}),
        ToolReady("b", "time", input={}),
    ]


def test_whole_calls_without_index_are_told_apart_by_id() -> None:
    events = read(
        delta(tool_calls=[call(None, '{"n":1}', id="a", name="f")]),
        delta(tool_calls=[call(None, '{"n":2}', id="b", name="f")]),
        finish(),
    )
    ready = [event for event in events if isinstance(event, ToolReady)]
    assert ready == [ToolReady("a", "f", input={"n": 1}), ToolReady("b", "f", input={"n": 2})]


def test_call_that_gemini_signs_keeps_its_signature() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "sig"}}}
    signed, other = call(0, "{}", id="a", name="f"), call(1, "{}", id="b", name="f")
    others = {"extra_content": {"other": 1}}
    events = read(delta(tool_calls=[signed | extra, other | others]), finish())
    ready = [event for event in events if isinstance(event, ToolReady)]
    assert [(event.call, event.signature) for event in ready] == [("a", "sig"), ("b", None)]


def test_call_without_id_gets_one() -> None:
    events = read(
        delta(tool_calls=[call(0, name="f"), call(1, name="g")]),
        delta(tool_calls=[call(1, "[]"), call(0, "3")]),
        finish(),
    )
    assert events[-2:] == [ToolReady("call_1", "f", input=3), ToolReady("call_2", "g", input=[])]


def test_id_that_comes_late_does_not_make_a_second_call() -> None:
    events = read(
        delta(tool_calls=[call(0, "{", name="f")]),
        delta(tool_calls=[call(0, "}", id="late")]),
        finish(),
    )
    assert [type(event) for event in events] == [ToolStart, ToolArgs, ToolArgs, ToolReady]


def test_arguments_wait_for_the_name() -> None:
    events = read(
        delta(tool_calls=[call(0, '{"a"', id="a")]),
        delta(tool_calls=[call(0, ":1}", name="f")]),
        finish(),
    )
    assert events == [
        ToolStart("a", "f"),
        ToolArgs("a", '{"a":1}'),
        ToolReady("a", "f", input={"a": 1}),
    ]


def test_name_repeated_with_every_fragment() -> None:
    events = read(
        delta(tool_calls=[call(0, "[1,", id="a", name="f")]),
        delta(tool_calls=[call(0, "2]", id="a", name="f")]),
        finish(),
    )
    assert events == [
        ToolStart("a", "f"),
        ToolArgs("a", "[1,"),
        ToolArgs("a", "2]"),
        ToolReady("a", "f", input=[1, 2]),
    ]


@pytest.mark.parametrize("raw", ['{"city": "Par', "not json", "[" * 100_000])
def test_arguments_that_are_not_json_are_invalid(raw: str) -> None:
    events = read(delta(tool_calls=[call(0, raw, id="a", name="f")]), finish("length"))
    assert events[-1] == ToolReady("a", "f", invalid=raw)


def test_call_without_arguments() -> None:
    events = read(delta(tool_calls=[call(0, "", id="a", name="now")]), finish("tool_calls"))
    assert events == [ToolStart("a", "now"), ToolReady("a", "now", input={})]


def test_call_that_is_never_named() -> None:
    with pytest.raises(UpstreamBroken, match="never named"):
        read(delta(tool_calls=[call(0, "{}", id="a")]), finish())


def test_citations_are_sources() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://sea.example", "title": "Sea"}}
    events = read(delta(annotations=[page, page, {"type": "of tomorrow"}]), finish())
    assert events == [Source("s1", url="https://sea.example", title="Sea")]


def test_legacy_function_call() -> None:
    events = read(
        delta(function_call={"name": "f", "arguments": ""}),
        delta(function_call={"arguments": '{"a":1}'}),
        finish("function_call"),
    )
    assert events == [
        ToolStart("call_1", "f"),
        ToolArgs("call_1", '{"a":1}'),
        ToolReady("call_1", "f", input={"a": 1}),
    ]


def test_refusal_is_text_and_says_so_in_the_reason() -> None:
    reader = Reader()
    events = reader.feed(delta(refusal="I would rather not.")) + reader.feed(finish())
    assert events[1] == TextDelta("t1", "I would rather not.")
    assert reader.reason == "content_filter"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("error", "other"),
    ],
)
def test_finish_reason(theirs: str, ours: str) -> None:
    reader = Reader()
    reader.feed(finish(theirs))
    assert (reader.complete, reader.reason) == (True, ours)


def test_parts_close_with_the_finish_reason_not_with_the_terminator() -> None:
    reader = Reader()
    reader.feed(delta(content="x"))
    assert reader.feed(finish()) == [TextEnd("t1")]
    assert reader.feed("[DONE]") == []
    assert reader.end() == []


def test_the_terminator_alone_is_an_end_of_the_answer() -> None:
    reader = Reader()
    reader.feed(delta(content="x"))
    reader.feed("[DONE]")
    assert (reader.complete, reader.terminated, reader.reason) == (True, True, "other")
    assert reader.end() == [TextEnd("t1")]


def test_content_in_the_chunk_that_finishes() -> None:
    last = json.dumps({"choices": [{"delta": {"content": "end"}, "finish_reason": "stop"}]})
    assert read(last) == [TextStart("t1"), TextDelta("t1", "end"), TextEnd("t1")]


def test_usage() -> None:
    reader = Reader()
    assert reader.usage is None
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    assert reader.feed(json.dumps({"choices": [], "usage": usage})) == []
    assert reader.usage == Usage(20, 9, 4, 16)


def test_usage_full_of_nulls() -> None:
    reader = Reader()
    reader.feed('{"choices":null,"usage":{"prompt_tokens":null,"prompt_tokens_details":null}}')
    assert reader.usage == Usage()


@pytest.mark.parametrize(
    "data",
    [
        '{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}',  # Azure's first
        '{"choices":[{"delta":{"content":""},"obfuscation":"a8Bq"}],"obfuscation":"x"}',
        '{"choices":[{"delta":{"content":null,"tool_calls":null},"finish_reason":null}]}',
        '{"choices":[{"delta":null,"finish_reason":""}],"usage":null,"error":null}',
        '{"choices":[{"index":1,"delta":{"content":"another alternative"}}]}',
        '{"choices":[{"delta":{"tool_calls":[]}}]}',
        '{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}',
        "{}",
    ],
)
def test_chunk_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


@pytest.mark.parametrize(
    "data",
    ["", "nope", "[]", "null", '{"choices":[', '{"choices":{}}', '{"x":' + "[" * 100_000]
    + ['{"choices":[{"delta":{"content":7}}]}', '{"choices":[{"delta":{"content":"\\ud8"}}]}'],
    ids=lambda data: data[:24],
)
def test_not_a_chunk(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


@pytest.mark.parametrize(
    ("error", "kind", "status", "message"),
    [
        ({"message": "Slow down", "code": 429}, UpstreamRefused, 429, "Slow down"),
        ({"message": "x", "type": "rate_limit_error"}, UpstreamRefused, 429, "x"),
        ({"message": "x", "code": "invalid_api_key"}, UpstreamRefused, 401, "x"),
        ({"message": "x", "type": "server_error"}, UpstreamBroken, None, "x"),
        ("just a string", UpstreamBroken, None, "just a string"),
        ({"message": "the key is hunter2!"}, UpstreamBroken, None, "the key is [redacted]"),
        (True, UpstreamBroken, None, "failed"),
    ],
)
def test_error_object(error: Any, kind: type[ModelError], status: int | None, message: str) -> None:
    with pytest.raises(kind, match=message.replace("[", r"\[")) as caught:
        Reader(secrets=["hunter2!"]).feed(json.dumps({"error": error}))
    assert caught.value.upstream_status == status


def test_end_in_the_middle() -> None:
    reader = Reader()
    reader.feed(delta(content="half"))
    with pytest.raises(UpstreamBroken, match="middle"):
        reader.end()


def test_completion_that_was_not_streamed() -> None:
    message = {
        "role": "assistant",
        "content": "Hello",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    events = read(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert events[:3] == [TextStart("t1"), TextDelta("t1", "Hello"), TextEnd("t1")]
    assert [e.name for e in events if isinstance(e, ToolReady)] == ["f", "g"]


_STREAM = "".join(
    f"{line}\n\n"
    for line in [
        ": OPENROUTER PROCESSING",
        "data: " + delta(role="assistant", content=""),
        "data: " + delta(reasoning="Hm 🤔"),
        "data: "
        + json.dumps({"choices": [{"delta": {"content": "潮 👩🏽‍💻"}}]}, ensure_ascii=False),
        "data: " + delta(content=" é"),
        "data: " + delta(tool_calls=[call(0, '{"a":', id="a", name="f")]),
        "data: " + delta(tool_calls=[call(0, '"ü"}')]),
        "data: " + finish("tool_calls"),
        'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
        "data: [DONE]",
    ]
).encode()


def read_pieces(pieces: list[bytes]) -> tuple[list[AnswerEvent], Usage | None, str]:
    parser, reader = Parser(), Reader()
    events = [
        event for piece in pieces for sse in parser.feed(piece) for event in reader.feed(sse.data)
    ]
    return events + reader.end(), reader.usage, reader.reason


def test_every_cut_in_two_reads_the_same() -> None:
    whole = read_pieces([_STREAM])
    assert [e.delta for e in whole[0] if isinstance(e, TextDelta)] == ["潮 👩🏽‍💻", " é"]
    for cut in range(1, len(_STREAM)):
        assert read_pieces([_STREAM[:cut], _STREAM[cut:]]) == whole, cut


@given(st.lists(st.integers(0, len(_STREAM)), max_size=30))
def test_any_cuts_read_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(_STREAM)]
    pieces = [_STREAM[start:end] for start, end in zip(edges, edges[1:], strict=False)]
    assert read_pieces(pieces) == read_pieces([_STREAM])


_WORDS = st.sampled_from([None, "", "a", "潮", "two words"])
_CALLS = st.builds(
    call,
    st.sampled_from([None, 0, 1]),
    _WORDS,
    id=st.sampled_from([None, "", "a", "b"]),
    name=st.just("f"),
)
_DELTAS = st.fixed_dictionaries(
    {"content": _WORDS, "reasoning": _WORDS, "tool_calls": st.none() | st.lists(_CALLS, max_size=2)}
)


@given(st.lists(_DELTAS, max_size=8))
def test_parts_are_opened_and_closed_exactly_once(deltas: list[dict[str, Any]]) -> None:
    events = read(*[delta(**fields) for fields in deltas], finish())
    still_open: set[str] = set()
    for event in events:
        key = event.call if isinstance(event, _OF_A_CALL) else event.part  # type: ignore[attr-defined]
        if isinstance(event, TextStart | ReasoningStart | ToolStart):
            assert key not in still_open
            still_open.add(key)
        assert key in still_open
        if isinstance(event, TextEnd | ReasoningEnd | ToolReady):
            still_open.remove(key)
        assert getattr(event, "delta", "not empty")
    assert not still_open
    said = [event.delta for event in events if isinstance(event, TextDelta)]
    assert "".join(said) == "".join(fields["content"] or "" for fields in deltas)


_OF_A_CALL = (ToolStart, ToolArgs, ToolReady)
