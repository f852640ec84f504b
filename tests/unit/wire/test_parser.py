"""The parser beyond the cases: limits, work, connections, and streams nobody thought of."""

from __future__ import annotations

import re
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire.errors import TooLarge
from tidewire.wire.parser import MAX_RETRY_MILLISECONDS, Parser
from tidewire.wire.writer import comment, frame

Event = tuple[str, str, str]


def read(parser: Parser, *chunks: bytes) -> list[Event]:
    return [(e.event, e.data, e.id) for chunk in chunks for e in parser.feed(chunk)]


# --- any stream, cut anywhere

PIECES = [
    *(b"data", b"data: ", b"data:", b"event: ", b"event", b"id: ", b"id", b"retry: ", b"retry"),
    *(b":", b" ", b"x", b"12", b"\0", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\r", b"\n\r"),
    *(b"data: a\n\n", b"event: e\ndata: b\n\n", b"id: 1\nevent: e\ndata: c\n\n", b": ping\n\n"),
    *(b"id: 2\n\n", b"data: d\r\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb", b"\xff", b"\xe2\x82"),
    *("é你😀".encode(), "\u2028\u0085\x0b\x1c".encode()),
]
streams = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=60)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(at)]


def as_the_standard_reads(stream: bytes) -> tuple[list[Event], str, int | None]:
    """Section 9.2.6, sentence by sentence, over the whole stream at once."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    events: list[Event] = []
    last_id = id_buffer = data = event = ""
    retry = None
    for line in re.split("\r\n|\r|\n", text)[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            last_id = id_buffer
            if data:
                events.append((event or "message", data[:-1], last_id))
            data = event = ""
        elif name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            id_buffer = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry = min(int(value), MAX_RETRY_MILLISECONDS)
    return events, last_id, retry


@settings(max_examples=500)
@given(stream=streams, places=st.lists(st.integers(0, 1000), max_size=8))
def test_any_stream_at_any_cut_is_read_as_the_standard_says(
    stream: bytes, places: list[int]
) -> None:
    parser = Parser()
    events = read(parser, *cut(stream, places))
    parser.end()
    result = (events, parser.last_event_id, parser.retry_milliseconds)
    assert result == as_the_standard_reads(stream)


@settings(max_examples=500)
@given(
    stream=streams,
    places=st.lists(st.integers(0, 1000), max_size=8),
    max_line_bytes=st.integers(1, 12),
    max_event_bytes=st.integers(0, 12),
)
def test_limits_do_not_depend_on_the_cut(
    stream: bytes, places: list[int], max_line_bytes: int, max_event_bytes: int
) -> None:
    def outcome(chunks: list[bytes]) -> tuple[list[Event], bool]:
        parser = Parser(max_line_bytes=max_line_bytes, max_event_bytes=max_event_bytes)
        events: list[Event] = []
        try:
            for chunk in chunks:
                events += read(parser, chunk)
            parser.end()
        except TooLarge:
            return events, True
        return events, False

    byte_by_byte = [stream[at : at + 1] for at in range(len(stream))]
    assert outcome(cut(stream, places)) == outcome(byte_by_byte)


names = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"))


@given(data=st.text(), event=names, id=names, places=st.lists(st.integers(0, 1000), max_size=4))
def test_what_is_written_reads_back(data: str, event: str, id: str, places: list[int]) -> None:
    stream = frame("before") + comment(data) + frame(data, event=event, id=id) + frame("after")
    assert read(Parser(), *cut(stream, places)) == [
        ("message", "before", ""),
        (event or "message", re.sub("\r\n|\r", "\n", data), id),
        ("message", "after", id),
    ]


# --- connections


def test_reset_discards_the_open_block_and_keeps_id_and_retry() -> None:
    parser = Parser()
    read(parser, b"retry: 5\nid: 1\ndata: a\n\nid: 2\nevent: lost\ndata: lost\nda")
    parser.reset()
    assert (parser.last_event_id, parser.retry_milliseconds) == ("1", 5)
    assert read(parser, b"data: b\n\n") == [("message", "b", "1")]


def test_each_connection_may_begin_with_a_bom() -> None:
    parser = Parser()
    assert read(parser, b"", b"\xef\xbb", b"\xbfdata: a\n\n") == [("message", "a", "")]
    parser.end()
    assert read(parser, b"\xef\xbb\xbfdata: b\n\n") == [("message", "b", "")]


def test_a_connection_that_ended_with_cr_does_not_swallow_the_next_line_end() -> None:
    parser = Parser()
    read(parser, b"data: a\r")
    parser.end()
    assert read(parser, b"\ndata: b\n\n") == [("message", "b", "")]


def test_resuming_from_a_stored_id() -> None:
    parser = Parser()
    parser.last_event_id = "9"
    assert read(parser, b"data: a\n\n") == [("message", "a", "9")]


def test_an_event_is_given_with_the_byte_that_completes_it() -> None:
    parser = Parser()
    for stream in (b"data: a\n\n", b"data: a\r\r", b"data: a\r\n\r"):
        assert read(parser, stream[:-1]) == []
        assert read(parser, stream[-1:]) == [("message", "a", "")]


def test_retry_takes_effect_with_its_line() -> None:
    parser = Parser()
    parser.feed(b"retry: 70")
    assert parser.retry_milliseconds is None
    parser.feed(b"\n")
    assert parser.retry_milliseconds == 70


def test_retry_of_more_digits_than_int_reads() -> None:
    parser = Parser()
    parser.feed(b"retry: " + b"9" * 10_000 + b"\n")
    assert parser.retry_milliseconds == MAX_RETRY_MILLISECONDS


def test_comments_are_offered_in_order() -> None:
    heard: list[str] = []
    parser = Parser(on_comment=heard.append)
    read(
        parser,
        b": open\n\n",
        b"data: a\n\n: ping\n\ndata: b\n\n",
        b"no: comment\n\n",
        b":HTTP_STATUS/4",
        b"00\n:\n",
    )
    assert heard == [" open", " ping", "HTTP_STATUS/400", ""]


# --- limits


def test_a_line_at_its_limit_and_one_byte_over() -> None:
    assert read(Parser(max_line_bytes=8), b"data: ab\n\n") == [("message", "ab", "")]
    with pytest.raises(TooLarge, match="a line of more than 8 bytes"):
        Parser(max_line_bytes=8).feed(b"data: abc\n\n")


def test_a_byte_order_mark_is_no_part_of_a_line() -> None:
    bom = b"\xef\xbb\xbf"
    for chunks in ((bom + b"data: ab\n\n",), (bom[:2], bom[2:] + b"data: ab\n\n")):
        assert read(Parser(max_line_bytes=8), *chunks) == [("message", "ab", "")]
    assert read(Parser(max_line_bytes=1), bom[:2], bom[2:] + b"\n") == []


def test_a_line_without_end_is_refused_as_soon_as_it_is_too_long() -> None:
    parser = Parser(max_line_bytes=8)
    parser.feed(b"data: ab")
    with pytest.raises(TooLarge):
        parser.feed(b"c")


def test_an_event_at_its_limit_and_one_byte_over() -> None:
    lines = b"event: name\ndata: ab\ndata:cd\n"
    assert read(Parser(max_event_bytes=7), lines + b"data:e\n\n") == [("name", "ab\ncd\ne", "")]
    with pytest.raises(TooLarge, match="an event of more than 7 bytes"):
        Parser(max_event_bytes=7).feed(lines + b"data: ef\n\n")


def test_an_event_limit_counts_one_event_only() -> None:
    parser = Parser(max_event_bytes=3)
    assert len(read(parser, *[b": a long comment\ndata: abc\nnothing: at all\n\n"] * 9)) == 9


def test_events_before_the_limit_are_not_lost() -> None:
    parser = Parser(max_line_bytes=8)
    assert read(parser, b"data: a\n\ndata: b\n\ndata: too long\n\ndata: c\n\n") == [
        ("message", "a", ""),
        ("message", "b", ""),
    ]
    for call in (lambda: parser.feed(b"data: d\n\n"), lambda: parser.feed(b""), parser.end):
        with pytest.raises(TooLarge):
            call()
    parser.reset()
    assert read(parser, b"data: e\n\n") == [("message", "e", "")]


def test_memory_stays_bounded_on_a_line_that_never_ends() -> None:
    parser = Parser(max_line_bytes=1 << 20)
    chunk = b"x" * (64 << 10)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            for _ in range(800):
                parser.feed(chunk)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20
    assert held < 64 << 10


# --- work


def drip_seconds(megabytes: int, line_end: bytes) -> float:
    """CPU time of reading one event of so many bytes in pieces of 256."""
    limit = 16 << 20
    parser = Parser(max_line_bytes=limit, max_event_bytes=limit)
    piece = (b"x" * (250 if line_end else 256)) + (line_end + b"data: " if line_end else b"")
    begin = time.process_time()
    parser.feed(b"data: ")
    for _ in range(megabytes << 12):
        parser.feed(piece)
    (event,) = parser.feed(b"\n\n")
    assert len(event.data) >= megabytes << 19
    return time.process_time() - begin


@pytest.mark.parametrize("line_end", [b"", b"\n"], ids=["one line", "many lines"])
def test_dripping_is_linear(line_end: bytes) -> None:
    small = min(drip_seconds(2, line_end) for _ in range(3))
    large = min(drip_seconds(10, line_end) for _ in range(2))
    # Five times the bytes: five times the time if linear, twenty-five if quadratic.
    assert large / small < 15
