"""NDJSON into lines, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import TooLarge
from tidewire.models.lines import LineParser


def lines(*pieces: bytes, limit: int = 100) -> list[str]:
    parser = LineParser(max_line_bytes=limit)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [event.data for event in [*events, *(parser.end() or [])]]


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\n\na\n \n", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"", []),
        (b"\xe6\xbd\xae\n\xff\n", ["潮", "\ufffd"]),
    ],
)
def test_lines(stream: bytes, found: list[str]) -> None:
    assert lines(stream) == found
    assert lines(*[bytes([byte]) for byte in stream]) == found


@given(st.lists(st.binary(max_size=12)))
def test_any_cuts_read_the_same(pieces: list[bytes]) -> None:
    assert lines(*pieces, limit=1_000) == lines(b"".join(pieces), limit=1_000)


@pytest.mark.parametrize("pieces", [[b"12345\n"], [b"123", b"45"], [b"1234567890"]])
def test_line_over_the_limit(pieces: list[bytes]) -> None:
    with pytest.raises(TooLarge, match="4 bytes"):
        lines(*pieces, limit=4)


def test_lines_before_the_long_one_are_not_lost() -> None:
    parser = LineParser(max_line_bytes=4)
    assert [event.data for event in parser.feed(b"good\n12345\nmore\n")] == ["good"]
    for _ in range(2):
        with pytest.raises(TooLarge):
            parser.feed(b"more\n")
    with pytest.raises(TooLarge):
        parser.end()


def test_line_at_the_limit() -> None:
    assert lines(b"1234\n12", b"34\n", limit=4) == ["1234", "1234"]
