"""Every model API into every dialect: what was said is what the client reads, however it is cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.roundtrip.clients import CLIENTS
from tests.roundtrip.heard import NOT_COMPARED, Heard
from tests.roundtrip.said import FAILURE, Said, answers, call, in_turns, text, thought, told
from tests.roundtrip.upstream import ESTIMATE, STARTED, VENDORS, Batches
from tests.unit.dialects.grammars import GRAMMARS
from tidewire.answers.events import RunFailed, RunFinished, Source, ToolReady, Usage, encode
from tidewire.dialects import DIALECTS
from tidewire.dialects.features import Feature
from tidewire.models import anthropic_reader, openai_reader, openai_responses_reader
from tidewire.wire.depth import MAX_DEPTH
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser, ServerSentEvent

CUTS = st.lists(st.integers(0, 9999), max_size=9) | st.none()

AT_THE_END = {
    Feature.REASON, Feature.USAGE, Feature.USAGE_DETAILS, Feature.ESTIMATED, Feature.PAGES,
    Feature.DOCUMENTS, Feature.QUOTES,
}  # fmt: skip
"""What a protocol may say with the end of an answer, and not with a failure."""


def cut(stream: bytes, places: Sequence[int] | None) -> list[bytes]:
    """The stream in pieces, byte by byte without ``places``."""
    if places is None:
        return [bytes([byte]) for byte in stream]
    at = [0, *sorted(place % len(stream) for place in places if stream), len(stream)]
    return [stream[a:b] for a, b in zip(at, at[1:], strict=False)]


def written(dialect: str, batches: Batches) -> list[ServerSentEvent]:
    """What a viewer gets who hears every batch as it is stored."""
    encoder = DIALECTS[dialect].encoder()
    parser, heard, first = Parser(), [], 1
    for batch in batches:
        stored = [Event(event.type, encode(event)) for event in batch]
        heard += parser.feed(encoder.encode("Ab3xY9", first, stored))
        first += len(stored)
    return heard


def expected(api: str, said: Said, batches: Batches) -> Heard:
    heard = told(api, said)
    heard.run, heard.session, heard.model = STARTED.run, STARTED.session, STARTED.model
    end = batches[-1][-1]
    if isinstance(end, RunFailed):
        heard.fail(end.message, end.code, end.retryable)
        assert said.ending == "broken" or FAILURE in end.message
    if not said.is_whole:
        heard.stopped = said.ending == "stopped"
        heard.estimated, heard.usage = True, (ESTIMATE.input_tokens, ESTIMATE.output_tokens)
        heard.details = ESTIMATE.reasoning_tokens, ESTIMATE.cached_tokens
    return heard


def compared(dialect: str, said: Said) -> set[Feature]:
    """What the dialect keeps, by the table of the documentation, and so a client must hear."""
    kept = DIALECTS[dialect].keeps - NOT_COMPARED
    if said.ending in ("failed", "broken"):
        return kept - AT_THE_END
    return kept - {Feature.REASON} if said.ending == "stopped" else kept


WHOLE = Said(
    [
        *thought("r1", ["潮", " is\n"]),
        *text(
            "t1",
            ["Hi 👩🏽‍💻\u2028", "\r\n你"],
            [
                Source("1", url="https://s.example/🌊", title="Sea"),
                Source("2", document="almanac", title="Almanac", quote="12:00"),
            ],
        ),
        *in_turns(call("id-a", {"at": "漲"}, [3, 8]), call("id-b", {}, [1])),
    ],
    Usage(9, 8, 7, 6),
    "tool_calls",
)
REFUSED = Said(text("t1", ["No, ", "不."], [], refuses=True), Usage(3, 2), "content_filter")
FIXED = {
    "whole": WHOLE,
    "refused": REFUSED,
    **{ending: replace(REFUSED, ending=ending) for ending in ("stopped", "failed", "broken")},
}


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("api", VENDORS)
def test_what_was_said_is_what_every_client_reads(api: str, name: str) -> None:
    assert_every_client_reads(api, FIXED[name], None)


@pytest.mark.parametrize("api", VENDORS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_so_it_is_for_any_answer_cut_anywhere(api: str, data: st.DataObject) -> None:
    said = data.draw(answers(can_break_calls=VENDORS[api].cuts_calls))
    assert_every_client_reads(api, said, data.draw(CUTS))


def assert_every_client_reads(api: str, said: Said, places: Sequence[int] | None) -> None:
    """What the dialect keeps of it; and if the dialect is an API that we read, so do we."""
    vendor = VENDORS[api]
    batches = vendor.stored(cut(b"".join(vendor.frames(said)), places), said.ending)
    wanted = expected(api, said, batches)
    for dialect in DIALECTS:
        events = written(dialect, batches)
        if dialect in GRAMMARS:
            GRAMMARS[dialect](events)
        heard = CLIENTS[dialect](events)
        for feature in compared(dialect, said):
            assert heard.of(feature) == wanted.of(feature), (dialect, feature)
        if dialect in READERS and said.is_whole:
            assert_our_reader_hears(dialect, events, wanted)


READERS = {
    "openai": openai_reader.Reader,
    "openai-responses": openai_responses_reader.Reader,
    "anthropic": anthropic_reader.Reader,
}
NOT_READ = {Feature.RUN, Feature.SESSION, Feature.MODEL}


def assert_our_reader_hears(dialect: str, events: list[ServerSentEvent], wanted: Heard) -> None:
    """An adapter that reads our own protocol stores again what was stored."""
    reader = READERS[dialect]()
    read = [said for event in events for said in reader.feed(event.data)]
    again = [*read, *reader.end(), reader.usage or Usage(), RunFinished(reader.reason)]
    heard = CLIENTS["native"](written("native", [again]))
    kept = DIALECTS[dialect].keeps - NOT_COMPARED - NOT_READ
    if dialect == "anthropic":  # whose blocks end in the middle of a sentence, as at a citation
        kept -= {Feature.TEXT_PARTS}
    for feature in kept:
        assert heard.of(feature) == wanted.of(feature), (dialect, feature)


SMALL = Said(
    [
        *thought("r1", ["潮"]),
        *text("t1", ["👩🏽‍💻\u2028\r\n"], [Source("1", url="https://s.example/🌊")]),
        *in_turns(call("a", {"": "漲"}, []), call("b", {}, [])),
    ],
    Usage(9, 8, 7, 6),
    "tool_calls",
)


@pytest.mark.parametrize("api", VENDORS)
def test_a_stream_cut_in_two_at_any_byte_is_read_as_the_whole_one(api: str) -> None:
    """So what any dialect makes of it is the same, too: an encoder sees events alone."""
    vendor = VENDORS[api]
    stream = b"".join(vendor.frames(SMALL))
    whole = flat(vendor.stored([stream], "finished"))
    for place in range(1, len(stream)):
        assert flat(vendor.stored([stream[:place], stream[place:]], "finished")) == whole, place


@pytest.mark.parametrize("api", VENDORS)
def test_a_stream_that_ends_at_any_byte_is_read_as_far_as_it_came(api: str) -> None:
    """It has failed, or all was said: never is a part of an answer taken for the whole."""
    vendor = VENDORS[api]
    stream = b"".join(vendor.frames(SMALL))
    whole = CLIENTS["native"](written("native", vendor.stored([stream], "finished")))
    for place in range(len(stream)):
        heard = CLIENTS["native"](written("native", vendor.stored([stream[:place]], "finished")))
        assert heard.code in (None, "upstream_broken")
        for feature in (Feature.TEXT, Feature.REASONING, Feature.CALLS, Feature.PAGES):
            said, all_of_it = heard.of(feature), whole.of(feature)
            assert said == all_of_it or (heard.code and is_part(said, all_of_it)), place


def is_part(said: Any, whole: Any) -> bool:
    return said.items() <= whole.items() if isinstance(said, dict) else said == whole[: len(said)]


@pytest.mark.parametrize("api", VENDORS)
def test_arguments_nested_deeper_than_any_viewer_can_read_are_told_as_they_came(api: str) -> None:
    nested: dict[str, Any] = {}
    for _ in range(MAX_DEPTH - 1):
        nested = {"in": nested}
    said = Said([*call("a", nested, []), *call("b", {"in": nested}, [])], Usage(), "tool_calls")
    vendor = VENDORS[api]
    stored = flat(vendor.stored([b"".join(vendor.frames(said))], "finished"))
    deep, deeper = [event for event in stored if isinstance(event, ToolReady)]
    assert (deep.input, deep.invalid) == (nested, None)
    assert deeper.invalid is not None
    assert json.loads(deeper.invalid) == {"in": nested}


@pytest.mark.parametrize("api", sorted(VENDORS.keys() - {"anthropic"}))
def test_an_answer_that_calls_ends_with_its_calls_though_its_api_says_that_it_stopped(
    api: str,
) -> None:
    """So OpenAI does after a call that it was made to make, and some APIs after every call."""
    said = Said(call("a", {}, []), Usage(), "stop")
    vendor = VENDORS[api]
    stored = flat(vendor.stored([b"".join(vendor.frames(said))], "finished"))
    assert stored[-1] == RunFinished("tool_calls")


def flat(batches: Batches) -> list[object]:
    return [event for batch in batches for event in batch]


def test_every_dialect_has_a_client() -> None:
    assert CLIENTS.keys() == DIALECTS.keys()
