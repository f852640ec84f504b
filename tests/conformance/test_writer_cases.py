"""spec/cases/writer.json against the Python writer; what is written is read back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cases import load
from tidewire.errors import InvalidField
from tidewire.wire.parser import Parser
from tidewire.wire.writer import comment, frame

CASES = load("writer")


@pytest.mark.parametrize("case", CASES["frames"], ids=lambda case: case["name"])
def test_frame(case: dict[str, Any]) -> None:
    written = frame(**case["fields"])
    assert written.decode() == case["bytes"]

    parser = Parser()
    events = parser.feed(written)
    assert [{"event": e.event, "data": e.data, "id": e.id} for e in events] == case["reads"]
    assert parser.last_event_id == case["fields"].get("id", "")
    assert parser.retry_milliseconds == case["fields"].get("retry_milliseconds")


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["name"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        frame(**case["fields"])


@pytest.mark.parametrize("case", CASES["comments"], ids=lambda case: ascii(case["text"]))
def test_comment(case: dict[str, Any]) -> None:
    written = comment(case["text"])
    assert written.decode() == case["bytes"]
    assert Parser().feed(written) == []
