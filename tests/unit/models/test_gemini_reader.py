"""Gemini's content stream into answer events."""

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
from tidewire.models.gemini_reader import Reader


def chunk(*parts: dict[str, Any], finish: str | None = None, **fields: Any) -> str:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return json.dumps({"candidates": [candidate | fields]}, ensure_ascii=False)


def call(name: str, args: Any = None, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args, **more}}


def test_text() -> None:
    events = read(Reader(), chunk({"text": "Hi the"}), chunk({"text": "re!"}), chunk(finish="STOP"))
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "Hi the"),
        TextDelta("t1", "re!"),
        TextEnd("t1"),
    ]


def test_thoughts_then_text() -> None:
    events = read(
        Reader(),
        chunk({"text": "Think ", "thought": True}),
        chunk({"text": "a bit", "thought": True, "thoughtSignature": "sig"}, {"text": "Yes"}),
        chunk({"text": ""}, finish="STOP"),
    )
    assert events == [
        ReasoningStart("r1"),
        ReasoningDelta("r1", "Think "),
        ReasoningDelta("r1", "a bit"),
        ReasoningEnd("r1", "sig"),
        TextStart("t1"),
        TextDelta("t1", "Yes"),
        TextEnd("t1"),
    ]


@pytest.mark.parametrize(
    "part", [{"text": "", "thoughtSignature": "sig"}, {"thoughtSignature": "sig"}]
)
def test_signature_of_the_text_stands_alone_after_it(part: dict[str, Any]) -> None:
    events = read(Reader(), chunk({"text": "Yes"}), chunk(part, finish="STOP"))
    assert events[-3:] == [TextEnd("t1"), ReasoningStart("r1"), ReasoningEnd("r1", "sig")]


def test_whole_calls_keep_their_signature() -> None:
    reader = Reader()
    events = read(
        reader,
        chunk({"text": "Looking."}),
        chunk({**call("tide", {"port": "Brest"}, id="a"), "thoughtSignature": "sig"}, call("now")),
        chunk(finish="STOP"),
    )
    assert events[2:] == [
        TextEnd("t1"),
        ToolStart("a", "tide"),
        ToolArgs("a", '{"port":"Brest"}'),
        ToolReady("a", "tide", input={"port": "Brest"}, signature="sig"),
        ToolStart("call_2", "now"),
        ToolArgs("call_2", "{}"),
        ToolReady("call_2", "now", input={}),
    ]
    assert reader.reason == "tool_calls"


def test_code_that_the_vendor_runs_has_a_result() -> None:
    events = read(
        Reader(),
        chunk({"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
        chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}),
        chunk({"text": "One."}, finish="STOP"),
    )
    assert events[2:4] == [
        ToolReady("code_1", "code_execution", input={"language": "PYTHON", "code": "print(1)"}),
        ToolResult("code_1", {"outcome": "OUTCOME_OK", "output": "1\n"}),
    ]


def test_result_of_no_code_is_ignored() -> None:
    assert Reader().feed(chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK"}})) == []


def test_files() -> None:
    events = read(
        Reader(),
        chunk({"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}),
        chunk({"fileData": {"mimeType": "text/csv", "fileUri": "https://f.example/1"}}),
        chunk({"fileData": {"fileUri": "https://f.example/2"}}),
        chunk(finish="STOP"),
    )
    assert events == [
        File("data:image/png;base64,iVBORw==", "image/png"),
        File("https://f.example/1", "text/csv"),
        File("https://f.example/2", "application/octet-stream"),
    ]


@pytest.mark.parametrize("name", ["citationSources", "citations"])
def test_citations_of_either_name(name: str) -> None:
    cited = {name: [{"uri": "https://sea.example", "title": "Sea", "startIndex": 1}]}
    events = read(Reader(), chunk(citationMetadata=cited, finish="STOP"))
    assert events == [Source("s1", url="https://sea.example", title="Sea")]


def test_each_place_is_cited_once_however_often_it_is_repeated() -> None:
    web = {"web": {"uri": "https://sea.example", "title": "Sea"}}
    book = {"retrievedContext": {"uri": "gs://b/almanac", "title": "Almanac", "text": "12:00"}}
    place = {"maps": {"uri": "https://maps.example/1", "title": "Port"}}
    nameless = {"retrievedContext": {"title": "Chart"}}
    once = chunk({"text": "a"}, groundingMetadata={"groundingChunks": [web]})
    again = chunk(
        {"text": "b"},
        groundingMetadata={
            "groundingChunks": [web, book, place, nameless],
            "webSearchQueries": ["tide"],
        },
        citationMetadata={"citationSources": [{"uri": "https://other.example", "startIndex": 1}]},
        finish="STOP",
    )
    events = read(Reader(), once, again)
    assert [e for e in events if isinstance(e, Source)] == [
        Source("s1", url="https://sea.example", title="Sea"),
        Source("s2", document="gs://b/almanac", title="Almanac", quote="12:00"),
        Source("s3", url="https://maps.example/1", title="Port"),
        Source("s4", document="Chart", title="Chart"),
        Source("s5", url="https://other.example"),
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("SPII", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("FUNCTION_CALL", "tool_calls"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_finish_reason(theirs: str, ours: str) -> None:
    reader = Reader()
    reader.feed(chunk(finish=theirs))
    assert (reader.complete, reader.terminated, reader.reason) == (True, False, ours)


def test_question_that_is_blocked() -> None:
    reader = Reader()
    assert read(reader, json.dumps({"promptFeedback": {"blockReason": "SAFETY"}})) == []
    assert reader.reason == "content_filter"


def test_usage_counts_thoughts_as_output() -> None:
    reader = Reader()
    reader.feed(
        json.dumps(
            {
                "usageMetadata": {
                    "promptTokenCount": 10,
                    "toolUsePromptTokenCount": 4,
                    "candidatesTokenCount": 20,
                    "thoughtsTokenCount": 30,
                    "cachedContentTokenCount": 8,
                    "totalTokenCount": 64,
                }
            }
        )
    )
    assert reader.usage == Usage(14, 50, reasoning_tokens=30, cached_tokens=8)


def test_what_is_not_counted_is_nothing() -> None:
    reader = Reader()
    reader.feed('{"usageMetadata":{}}')
    assert reader.usage == Usage()


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"candidates":[]}',
        '{"candidates":[{"index":0,"safetyRatings":[]}]}',
        '{"candidates":[{"content":{"role":"model"}}],"modelVersion":"g","responseId":"r"}',
        '{"candidates":[{"index":1,"content":{"parts":[{"text":"another alternative"}]}}]}',
        '{"candidates":[{"content":{"parts":[{"partOfTomorrow":{}}]}}]}',
        '{"promptFeedback":{"safetyRatings":[]}}',
    ],
)
def test_chunk_that_says_nothing(data: str) -> None:
    reader = Reader()
    assert reader.feed(data) == []
    assert not reader.complete


@pytest.mark.parametrize(
    "data",
    ["", "nope", "[]", "null", '{"candidates":{}}', '{"x":' + "[" * 100_000],
    ids=lambda data: data[:20],
)
def test_not_a_chunk(data: str) -> None:
    with pytest.raises(UpstreamBroken):
        Reader().feed(data)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED"}, UpstreamRefused, 429),
        ({"message": "Slow"}, UpstreamBroken, None),
    ],
)
def test_error_object(error: Any, kind: type[ModelError], status: int | None) -> None:
    with pytest.raises(kind, match="Slow") as caught:
        Reader().feed(json.dumps({"error": error}))
    assert caught.value.upstream_status == status


def test_end_in_the_middle() -> None:
    with pytest.raises(UpstreamBroken, match="middle"):
        read(Reader(), chunk({"text": "half"}))


_STREAM = "".join(
    f"data: {data}\r\n\r\n"
    for data in [
        chunk({"text": "Hm 🤔", "thought": True}),
        chunk({"text": "潮 👩🏽‍💻"}),
        chunk({**call("f", {"a": "ü"}), "thoughtSignature": "s=="}),
        chunk(finish="STOP")[:-1] + ',"usageMetadata":{"promptTokenCount":3}}',
    ]
).encode()


def test_every_cut_reads_the_same() -> None:
    assert_every_cut_reads_the_same(Reader, _STREAM)
    events, usage, reason = read_pieces(Reader, [_STREAM])
    assert [e.delta for e in events if isinstance(e, TextDelta)] == ["潮 👩🏽‍💻"]
    assert (usage, reason) == (Usage(3), "tool_calls")
