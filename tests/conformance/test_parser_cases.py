"""spec/cases/parser.json against the Python parser, at every cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.cases import input_of, load
from tidewire.wire.parser import Parser

CASES = load("parser")


def every_cut(stream: bytes) -> Iterator[list[bytes]]:
    """Whole, in two at each position, byte by byte, and with an empty chunk before each byte."""
    yield [stream]
    for at in range(len(stream) + 1):
        yield [stream[:at], stream[at:]]
    single = [stream[at : at + 1] for at in range(len(stream))]
    yield single
    yield [chunk for byte in single for chunk in (b"", byte)]


def read(parser: Parser, chunks: list[bytes]) -> dict[str, Any]:
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    parser.end()
    return {
        "events": [{"event": e.event, "data": e.data, "id": e.id} for e in events],
        "last_event_id": parser.last_event_id,
        "retry": parser.retry_milliseconds,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case_at_every_cut(case: dict[str, Any]) -> None:
    expected = {key: case[key] for key in ("events", "last_event_id", "retry")}
    for chunks in every_cut(input_of(case)):
        assert read(Parser(), chunks) == expected, f"cut as {chunks}: {case['why']}"


def test_cases_are_many_and_named_once() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) >= 50
    assert len(names) == len(set(names))
