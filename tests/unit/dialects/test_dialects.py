"""Every dialect: its exact bytes, and that any cut is continued to the letter in any other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.cases import load
from tests.faults.viewer import understand
from tests.unit.dialects.grammars import GRAMMARS
from tidewire.answers.events import (
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    encode,
)
from tidewire.dialects import DIALECTS, find_dialect
from tidewire.dialects.features import Feature
from tidewire.dialects.openai import OpenAI
from tidewire.errors import BadRequest
from tidewire.wire.cursor import base36, read_cursor
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser, ServerSentEvent

EPOCH = "Ab3xY9"
CASES = load("dialects")

OURS = [name for name in DIALECTS if name not in GRAMMARS]
WITH_CURSORS = [name for name in DIALECTS if Feature.CURSOR in DIALECTS[name].keeps]

dialects = st.sampled_from(sorted(DIALECTS))
texts = st.lists(st.text(st.sampled_from('a \n\r"你🌊é\u2028\0'), max_size=5), max_size=8)


def stored(case: dict[str, Any]) -> list[Event]:
    return [
        Event(event["event"], json.dumps(event["data"], ensure_ascii=False, separators=(",", ":")))
        for event in case["events"]
    ]


def answer(pieces: list[str]) -> list[Event]:
    said = [TextDelta("t1", piece) for piece in pieces]
    events = [RunStarted("run_1", session="s1"), TextStart("t1"), *said, TextEnd("t1")]
    return [Event(event.type, encode(event)) for event in [*events, RunFinished()]]


def write(dialect: str, events: list[Event], cursor: str | None = None) -> bytes:
    """What a viewer gets of the events, from the start or after a cursor."""
    offset = within = 0
    if cursor is not None:
        (place,) = read_cursor(cursor)
        assert place.epoch == EPOCH
        if DIALECTS[dialect].resumes:
            offset, within = place.offset, place.within
    encoder = DIALECTS[dialect].encoder()
    encoder.encode(EPOCH, 1, events[:offset])
    return encoder.encode(EPOCH, offset + 1, events[offset:], within=within)


def read(data: bytes) -> list[ServerSentEvent]:
    return Parser().feed(data)


def text(dialect: str, events: list[ServerSentEvent]) -> str:
    if dialect in OURS:
        return "".join(understand(dialect, event).text for event in events)
    return "".join(_text(json.loads(e.data)) for e in events if e.data != "[DONE]")


def _text(data: dict[str, Any]) -> str:
    """The text in an event of a protocol that others made."""
    match data:
        case {"event": "message", "answer": str(text)}:  # dify
            return text
        case {"choices": [{"delta": {"content": str(text)}}]}:  # openai
            return text
        case {"delta": {"type": "text_delta", "text": str(text)}}:  # anthropic
            return text
        case {"type": type, "delta": str(text)} if type in TEXT_TYPES:
            return text
    return ""


TEXT_TYPES = ("response.output_text.delta", "text-delta", "TEXT_MESSAGE_CONTENT")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_each_event_is_written_as_specified(case: dict[str, Any]) -> None:
    assert set(case["written"]) == set(DIALECTS)
    for name, written in case["written"].items():
        encoder = DIALECTS[name].encoder()
        for offset, (event, expected) in enumerate(zip(stored(case), written, strict=True), 1):
            assert encoder.encode(EPOCH, offset, [event]).decode() == expected
        if name != "ai-sdk":  # what it reads together, it writes together
            assert write(name, stored(case)).decode() == "".join(written)


@pytest.mark.parametrize("dialect", WITH_CURSORS)
def test_every_event_but_a_first_of_two_has_an_id_that_leads_behind_it(dialect: str) -> None:
    events = answer(["Hi", "", "\n你🌊"])
    whole = write(dialect, events)
    received = read(whole)
    assert received
    before = ""
    for place, event in enumerate(received):
        assert whole.endswith(write(dialect, events, event.id))
        rest = read(write(dialect, events, event.id))
        unseen = received[place + 1 :] if event.id != before else received[place:]
        assert [(e.event, e.data) for e in rest] == [(e.event, e.data) for e in unseen]
        before = event.id
    assert write(dialect, events, received[-1].id) == b""


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - set(WITH_CURSORS)))
def test_where_ids_are_not_allowed_there_is_nothing_but_data(dialect: str) -> None:
    said = DIALECTS[dialect].opening("Ab3xY9-0") + write(dialect, answer(["Hi"]))
    said += DIALECTS[dialect].heartbeat + DIALECTS[dialect].farewell(700)
    fields = {line.partition(b":")[0] for line in said.splitlines() if line}
    assert fields - {b"event"} == {b"", b"data"}  # a comment is a line without a name


@pytest.mark.parametrize("second", DIALECTS)
@pytest.mark.parametrize("first", WITH_CURSORS)
def test_after_any_event_of_one_dialect_any_other_goes_on(first: str, second: str) -> None:
    events = answer(["Hi", "", "\n你🌊", "!"])
    received = read(write(first, events))
    for count, event in enumerate(received, 1):
        rest = read(write(second, events, event.id))
        known = text(first, received[:count]) if DIALECTS[second].resumes else ""
        assert known + text(second, rest) == "Hi\n你🌊!"


@given(texts, dialects, dialects, st.data())
@settings(deadline=None)
def test_a_text_cut_at_any_byte_goes_on_in_any_dialect(
    pieces: list[str], first: str, second: str, data: st.DataObject
) -> None:
    events = answer(pieces)
    whole = write(first, events)
    cut = data.draw(st.integers(0, len(whole)))
    parser = Parser()
    before = parser.feed(whole[:cut])
    rest = read(write(second, events, parser.last_event_id or None))
    known = text(first, before)
    if first not in WITH_CURSORS or not DIALECTS[second].resumes:
        known = ""  # it begins at the start
    assert known + text(second, rest) == "".join(pieces)


@given(texts, dialects, st.data())
@settings(deadline=None)
def test_events_are_written_the_same_however_they_come_together(
    pieces: list[str], dialect: str, data: st.DataObject
) -> None:
    events = answer(pieces)
    cut = data.draw(st.integers(0, len(events)))
    one = DIALECTS[dialect].encoder()
    before = one.encode(EPOCH, 1, events[:cut])
    other = copy.copy(one)  # as the hub does for the next viewer who is as far
    rest = one.encode(EPOCH, cut + 1, events[cut:])
    if dialect == "ai-sdk":
        assert text(dialect, read(before + rest)) == "".join(pieces)
    else:
        assert before + rest == write(dialect, events)
    assert other.encode(EPOCH, cut + 1, events[cut:]) == rest


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_says_whether_what_it_writes_depends_on_what_came_before(name: str) -> None:
    def depends(case: dict[str, Any]) -> bool:
        events, fresh = stored(case), DIALECTS[name].encoder
        last = fresh().encode(EPOCH, len(events), events[-1:])
        return last != write(name, events, f"{EPOCH}-{base36(len(events) - 1)}")

    assert DIALECTS[name].stateful == any(map(depends, CASES))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_place_within_what_is_no_text_is_the_place_before_it(name: str) -> None:
    events = answer(["Hi"])
    assert write(name, events, f"{EPOCH}-0~3") == write(name, events)


def test_a_failure_that_is_cut_in_two_is_told_again() -> None:
    (case,) = [case for case in CASES if case["name"] == "a failed answer"]
    whole = write("delta", stored(case))
    parser = Parser()
    (*_, failure) = parser.feed(whole.partition(b"id: Ab3xY9-5")[0])
    assert failure.event == "error"
    rest = read(write("delta", stored(case), parser.last_event_id))
    assert [event.event for event in rest] == ["error", "message"]


@pytest.mark.parametrize("name", OURS)
def test_comments_and_marks_dispatch_nothing_and_keep_the_place(name: str) -> None:
    dialect = DIALECTS[name]
    parser = Parser()
    assert parser.feed(dialect.opening("Ab3xY9-0")) == []
    assert (parser.last_event_id, parser.retry_milliseconds) == ("Ab3xY9-0", 2000)
    assert parser.feed(dialect.heartbeat + dialect.farewell(700)) == []
    assert (parser.last_event_id, parser.retry_milliseconds) == ("Ab3xY9-0", 700)
    (reset,) = parser.feed(dialect.control("stream.reset", "Ab3xY9-4", '{"reason":"ahead"}'))
    assert (reset.event, reset.id) == ("stream.reset", "Ab3xY9-4")
    assert Parser().feed(dialect.opening(None)) == []


RESET = '{"stream":"run_1","reason":"ahead","cursor":"Ab3xY9-4"}'
FAILURES = {
    "dify": lambda data: (
        (data["event"], data["status"], data["code"]) == ("error", 503, "stream_reset")
    ),
    "openai": lambda data: (
        data["error"]["code"] == "stream_reset" and data["error"]["retryable"] is True
    ),
    "openai-responses": lambda data: (
        (data["type"], data["sequence_number"], data["code"]) == ("error", 0, "stream_reset")
        and data["error"]["code"] == "stream_reset"
        and data["param"] is data["error"]["param"] is None
    ),
    "anthropic": lambda data: (
        (data["type"], data["error"]["code"]) == ("error", "stream_reset")
        and data["error"]["type"] == "overloaded_error"
    ),
    "ai-sdk": lambda data: data["type"] == "error" and "(ahead)" in data["errorText"],
}


@pytest.mark.parametrize("name", FAILURES)
def test_clients_without_cursors_are_told_of_a_lost_place_as_of_a_failure(name: str) -> None:
    dialect = DIALECTS[name]
    (event,) = read(dialect.control("stream.reset", "Ab3xY9-4", RESET))
    assert FAILURES[name](json.loads(event.data))
    assert event.event == ("error" if name in ("anthropic", "openai-responses") else "message")
    assert dialect.control("stream.open", "Ab3xY9-4", "{}") == b""
    (end,) = read(dialect.farewell(700))
    assert "again in a moment" in end.data


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_heartbeat_is_none_of_the_answer(name: str) -> None:
    dialect = DIALECTS[name]
    beats = read(dialect.opening("Ab3xY9-0") + dialect.heartbeat + dialect.opening(None))
    assert [event.event for event in beats] == (["ping"] if name == "anthropic" else [])
    if name not in ("anthropic", "dify"):
        assert b"\n\n" not in dialect.opening("Ab3xY9-0") + dialect.heartbeat


def test_the_run_of_ag_ui_goes_on_after_a_reset_unless_its_stream_is_gone() -> None:
    dialect = DIALECTS["ag-ui"]
    (event,) = read(dialect.control("stream.reset", "Ab3xY9-4", RESET))
    told = {"type": "CUSTOM", "name": "stream.reset", "value": json.loads(RESET)}
    assert (event.id, json.loads(event.data)) == ("Ab3xY9-4", told)
    (event,) = read(dialect.control("stream.reset", None, RESET.replace("ahead", "gone")))
    message = "The answer was deleted while it was read."
    told = {"type": "RUN_ERROR", "message": message, "code": "stream_reset"}
    assert (event.id, json.loads(event.data)) == ("", told)
    assert read(dialect.farewell(700)) == []


def test_deltas_that_ai_sdk_reads_together_are_one_chunk() -> None:
    received = read(write("ai-sdk", answer(["a", "b", "", "c"])))
    deltas = [event.data for event in received if "text-delta" in event.data]
    assert deltas == ['{"type":"text-delta","id":"t1","delta":"abc"}']


def test_usage_that_was_asked_for_is_a_chunk_of_its_own_and_nowhere_else() -> None:
    (case,) = [case for case in CASES if case["name"] == "a whole answer"]
    apart = OpenAI(usage_apart=True)
    assert (OpenAI().name, apart.name) == ("openai", "openai+usage")  # viewers are grouped by it
    encoder = apart.encoder()
    *_, finish, usage, done = read(encoder.encode(EPOCH, 1, stored(case)))
    assert "usage" not in finish.data and '"finish_reason":"stop"' in finish.data
    last = json.loads(usage.data)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 5)
    assert done.data == "[DONE]"


@pytest.mark.parametrize("usage_apart", [False, True])
def test_all_pages_are_said_in_one_chunk_before_the_end(usage_apart: bool) -> None:
    pages = ["https://a.example/", "https://b.example/"]
    cited = [Source(f"s{number}", url=url) for number, url in enumerate(pages)]
    said = [RunStarted("run_1"), *cited, RunFinished()]
    encoder = OpenAI(usage_apart=usage_apart).encoder()
    whole = encoder.encode(EPOCH, 1, [Event(event.type, encode(event)) for event in said])
    _, before, finish, *_ = [json.loads(event.data) for event in read(whole)[:-1]]
    annotations = before["choices"][0]["delta"]["annotations"]
    assert [annotation["url_citation"]["url"] for annotation in annotations] == pages
    assert finish["choices"][0]["finish_reason"] == "stop"


def test_a_dialect_is_found_by_name_and_a_wrong_one_refused() -> None:
    assert find_dialect("d").name == "d"
    with pytest.raises(BadRequest, match=r"'x{40}'\. Known: native, d, chunk, delta, typewriter, "):
        find_dialect("x" * 50)
