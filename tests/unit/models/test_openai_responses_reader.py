"""OpenAI's response events into answer events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.models.reading import assert_every_cut_reads_the_same, read, read_pieces
from tidewire.answers.events import (
    File,
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
from tidewire.models.openai_responses_reader import Reader


def event(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, "sequence_number": 1, **fields}, ensure_ascii=False)


def delta(kind: str, delta: str, output_index: int = 0) -> str:
    return event(f"response.{kind}.delta", item_id="i", output_index=output_index, delta=delta)


def added(output_index: int, type: str, **item: Any) -> str:
    item = {"type": type, "id": f"i{output_index}", **item}
    return event("response.output_item.added", output_index=output_index, item=item)


def done(output_index: int, type: str, **item: Any) -> str:
    item = {"type": type, "id": f"i{output_index}", **item}
    return event("response.output_item.done", output_index=output_index, item=item)


def completed(**response: Any) -> str:
    return event("response.completed", response={"status": "completed", **response})


def test_text_said_once_however_often_it_is_repeated() -> None:
    part = {"type": "output_text", "text": "Hi there!", "annotations": []}
    events = read(
        Reader(),
        event("response.created", response={"status": "in_progress", "error": None}),
        event("response.in_progress", response={"status": "in_progress"}),
        added(0, "message", role="assistant", content=[]),
        event("response.content_part.added", item_id="i0", part=part | {"text": ""}),
        delta("output_text", "Hi the"),
        delta("output_text", "re!"),
        event("response.output_text.done", item_id="i0", text="Hi there!"),
        event("response.content_part.done", item_id="i0", part=part),
        done(0, "message", content=[part]),
        completed(output=[{"type": "message", "content": [part]}]),
    )
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "Hi the"),
        TextDelta("t1", "re!"),
        TextEnd("t1"),
    ]


def test_reasoning_in_paragraphs_with_its_proof() -> None:
    events = read(
        Reader(),
        added(0, "reasoning", summary=[]),
        event("response.reasoning_summary_part.added", summary_index=0, part={}),
        delta("reasoning_summary_text", "Tides "),
        delta("reasoning_summary_text", "turn."),
        event("response.reasoning_summary_part.added", summary_index=1, part={}),
        delta("reasoning_summary_text", "So."),
        done(0, "reasoning", summary=[], encrypted_content="gAAA"),
        added(1, "reasoning"),
        delta("reasoning_text", "More."),
        done(1, "reasoning", encrypted_content=None),
        completed(),
    )
    assert events == [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "Tides "),
        ReasoningDelta("r1", "turn."),
        ReasoningDelta("r1", "\n\n"),
        ReasoningDelta("r1", "So."),
        ReasoningEnd("r1", "i0:gAAA"),
        ReasoningStart("r2"),
        ReasoningDelta("r2", "More."),
        ReasoningEnd("r2"),
    ]


def test_interleaved_tool_calls() -> None:
    reader = Reader()
    events = read(
        reader,
        added(0, "function_call", call_id="a", name="tide", arguments=""),
        delta("function_call_arguments", '{"port"', 0),
        added(1, "function_call", call_id="b", name="now", arguments=""),
        delta("function_call_arguments", ':"Brest"}', 0),
        delta("function_call_arguments", "{}", 1),
        event("response.function_call_arguments.done", output_index=1, arguments="{}"),
        done(1, "function_call", call_id="b", name="now", arguments="{}"),
        done(0, "function_call", call_id="a", name="tide", arguments='{"port":"Brest"}'),
        completed(),
    )
    assert events == [
        ToolStart("a", "tide"),
        ToolArgs("a", '{"port"'),
        ToolStart("b", "now"),
        ToolArgs("a", ':"Brest"}'),
        ToolArgs("b", "{}"),
        ToolReady("b", "now", input={}),
        ToolReady("a", "tide", input={"port": "Brest"}),
    ]
    assert reader.reason == "tool_calls"


def test_call_whose_arguments_come_only_with_its_end() -> None:
    events = read(
        Reader(),
        added(0, "function_call", call_id="a", name="f"),
        done(0, "function_call", call_id="a", name="f", arguments='{"x":1}'),
        completed(),
    )
    assert events == [
        ToolStart("a", "f"),
        ToolArgs("a", '{"x":1}'),
        ToolReady("a", "f", input={"x": 1}),
    ]


def test_call_without_arguments() -> None:
    item = {"call_id": "a", "name": "now"}
    events = read(
        Reader(), added(0, "function_call", **item), done(0, "function_call", **item), completed()
    )
    assert events == [ToolStart("a", "now"), ToolReady("a", "now", input={})]


def test_tool_that_the_vendor_runs_has_a_result() -> None:
    search = {"type": "search", "query": "tide"}
    events = read(
        Reader(),
        added(0, "web_search_call", status="in_progress"),
        event("response.web_search_call.searching", output_index=0),
        done(0, "web_search_call", status="completed", action=search),
        completed(),
    )
    assert events[-2:] == [
        ToolReady("i0", "web_search", input=search),
        ToolResult("i0", {"status": "completed"}),
    ]


@pytest.mark.parametrize(
    ("item", "name", "input", "output"),
    [
        (
            {"type": "file_search_call", "queries": ["tide"], "results": [{"score": 1}]},
            *("file_search", ["tide"], [{"score": 1}]),
        ),
        (
            {"type": "code_interpreter_call", "code": "6*2", "outputs": [{"logs": "12"}]},
            *("code_interpreter", "6*2", [{"logs": "12"}]),
        ),
        (
            {"type": "mcp_call", "name": "tides", "arguments": '{"port":1}', "output": "12:00"},
            *("tides", '{"port":1}', "12:00"),
        ),
        ({"type": "mcp_call", "arguments": "", "output": "12:00"}, "mcp", {}, "12:00"),
    ],
)
def test_what_a_tool_of_the_vendor_was_asked_and_found(
    item: dict[str, Any], name: str, input: Any, output: Any
) -> None:
    events = read(Reader(), done(3, **{"id": None, **item}), completed())
    expected = [ToolReady("call_3", name, input=input), ToolResult("call_3", output)]
    assert events[-2:] == expected


@pytest.mark.parametrize(
    ("more", "kind"), [({}, "image/png"), ({"output_format": "webp"}, "image/webp")]
)
def test_picture_that_the_model_made(more: dict[str, str], kind: str) -> None:
    picture = done(0, "image_generation_call", result="iVBORw==", **more)
    events = read(Reader(), picture, completed())
    assert events == [File(f"data:{kind};base64,iVBORw==", kind)]


def test_annotations_are_sources() -> None:
    page = {"type": "url_citation", "url": "https://sea.example", "title": "Sea", "start_index": 0}
    file = {"type": "file_citation", "file_id": "file-1", "filename": "almanac.pdf", "index": 3}
    path = {"type": "file_path", "file_id": "file-2", "index": 3}
    named = {"type": "file_citation", "filename": "tides.pdf"}
    name = "response.output_text.annotation.added"
    events = read(
        Reader(),
        *[event(name, annotation=one) for one in (page, page, file, path, named)],
        completed(),
    )
    assert events == [
        Source("s1", url="https://sea.example", title="Sea"),
        Source("s2", document="file-1", title="almanac.pdf"),
        Source("s3", document="file-2"),
        Source("s4", document="tides.pdf", title="tides.pdf"),
    ]


def test_refusal_is_text_and_says_so_in_the_reason() -> None:
    reader = Reader()
    events = read(reader, delta("refusal", "Rather not."), completed())
    assert events[1] == TextDelta("t1", "Rather not.")
    assert reader.reason == "content_filter"


def incomplete(details: dict[str, str] | None) -> str:
    return event("response.incomplete", response={"incomplete_details": details})


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (completed(), "stop"),
        (incomplete({"reason": "max_output_tokens"}), "length"),
        (incomplete({"reason": "content_filter"}), "content_filter"),
        (incomplete({"reason": "something_new"}), "other"),
        (incomplete(None), "other"),
        (event("response.incomplete"), "other"),
    ],
)
def test_finish_reason(last: str, reason: str) -> None:
    reader = Reader()
    reader.feed(last)
    assert (reader.complete, reader.terminated, reader.reason) == (True, True, reason)


def test_usage() -> None:
    reader = Reader()
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 16},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 29,
    }
    reader.feed(completed(usage=usage))
    assert reader.usage == Usage(20, 9, 4, 16)


@pytest.mark.parametrize(
    "data",
    [
        event("response.queued", response={"status": "queued"}),
        event("response.event_of_tomorrow", delta={"a": 1}, item="none"),
        event("response.audio.delta", delta="UklGRg=="),
        event("response.image_generation_call.partial_image", partial_image_b64="iVBORw=="),
        event("response.output_item.added"),
        event("response.output_item.done"),
        event("response.output_text.annotation.added", annotation=None),
        '{"type":"response.output_text.delta"}',
        '{"type":"response.refusal.delta"}',
        '{"type":"response.reasoning_text.delta"}',
        done(0, "image_generation_call", status="failed", result=None),
        done(0, "item_of_tomorrow", encrypted_content="gAAA", result="iVBORw=="),
    ],
)
def test_event_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


@pytest.mark.parametrize(
    "data",
    ["", "nope", "[]", "null", "{}", '{"type":7}', '{"type":' + "[" * 100_000]
    + [event("response.output_text.delta", delta=7), event("response.completed", response="x")],
    ids=lambda data: data[:40],
)
def test_not_an_event(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


LIMIT = {"code": "rate_limit_exceeded", "message": "Slow down"}


@pytest.mark.parametrize(
    "data",
    [
        event("error", **LIMIT, param=None),
        event("error", error=LIMIT),
        event("response.failed", response={"error": LIMIT}),
    ],
)
def test_error(data: str) -> None:
    with pytest.raises(UpstreamRefused, match="Slow down") as caught:
        Reader().feed(data)
    assert caught.value.upstream_status == 429


@pytest.mark.parametrize(
    "data",
    [
        event("response.failed", response={"error": {"code": "server_error", "message": "x"}}),
        event("response.failed"),
    ],
)
def test_failure_that_names_no_reason(data: str) -> None:
    with pytest.raises(ModelError) as caught:
        Reader().feed(data)
    assert type(caught.value) is UpstreamBroken


def test_end_in_the_middle() -> None:
    with pytest.raises(UpstreamBroken, match="middle"):
        read(Reader(), delta("output_text", "half"))


_STREAM = "".join(
    f"event: {json.loads(data)['type']}\ndata: {data}\n\n"
    for data in [
        delta("reasoning_summary_text", "Hm 🤔"),
        done(0, "reasoning", encrypted_content="s=="),
        delta("output_text", "潮 👩🏽‍💻", 1),
        added(2, "function_call", call_id="a", name="f"),
        delta("function_call_arguments", '{"a":', 2),
        delta("function_call_arguments", '"ü"}', 2),
        completed(usage={"input_tokens": 3, "output_tokens": 7}),
    ]
).encode()


def test_every_cut_reads_the_same() -> None:
    assert_every_cut_reads_the_same(Reader, _STREAM)
    events, usage, reason = read_pieces(Reader, [_STREAM])
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["潮 👩🏽‍💻"]
    assert (usage, reason) == (Usage(3, 7), "tool_calls")
