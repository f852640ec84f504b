"""spec/cases/cursor.json against the Python cursors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cases import load
from tidewire.errors import InvalidCursor
from tidewire.wire.cursor import CHANGED, read_cursor, write_cursor

CASES = load("cursor")


@pytest.mark.parametrize("case", CASES["valid"], ids=lambda case: case["text"])
def test_valid(case: dict[str, Any]) -> None:
    positions = read_cursor(case["text"])
    assert [position._asdict() for position in positions] == case["positions"]
    assert write_cursor(positions) == case["text"]


@pytest.mark.parametrize("case", CASES["changed"], ids=lambda case: case["text"])
def test_of_a_changed_set(case: dict[str, Any]) -> None:
    positions = read_cursor(case["text"])
    assert [position._asdict() for position in positions] == case["positions"]
    assert write_cursor(positions) + CHANGED == case["text"]


@pytest.mark.parametrize("text", CASES["invalid"], ids=ascii)
def test_invalid(text: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(text)
