"""How the reader of any vendor is fed and cut: the same for all of their tests."""

from __future__ import annotations

from collections.abc import Callable

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningEnd,
    ReasoningStart,
    TextEnd,
    TextStart,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.models.lines import LineParser
from tidewire.models.reader import StreamReader
from tidewire.wire.parser import Parser

MakeReader = Callable[[], StreamReader]
Outcome = tuple[list[AnswerEvent], Usage | None, str]


def read(reader: StreamReader, *data: str) -> list[AnswerEvent]:
    """All events of a stream of these data."""
    return [event for one in data for event in reader.feed(one)] + reader.end()


def read_pieces(make: MakeReader, pieces: list[bytes], *, lines: bool = False) -> Outcome:
    """All that comes of a stream of bytes: SSE, or NDJSON if ``lines``."""
    reader = make()
    parser = LineParser(max_line_bytes=65_536) if lines else Parser(on_comment=reader.comment)
    heard = [sse for piece in pieces for sse in parser.feed(piece)]
    heard += parser.end() or []
    events = [event for sse in heard for event in reader.feed(sse.data)]
    return events + reader.end(), reader.usage, reader.reason


def assert_every_cut_reads_the_same(
    make: MakeReader, stream: bytes, *, lines: bool = False
) -> None:
    """Cut in two at every byte, and one byte at a time."""
    whole = read_pieces(make, [stream], lines=lines)
    assert_parts_are_whole(whole[0])
    for cut in range(1, len(stream)):
        assert read_pieces(make, [stream[:cut], stream[cut:]], lines=lines) == whole, cut
    assert read_pieces(make, [bytes([byte]) for byte in stream], lines=lines) == whole


def assert_parts_are_whole(events: list[AnswerEvent]) -> None:
    """Every part and call is opened once, used while open, and closed once."""
    still_open: set[str] = set()
    seen: set[str] = set()
    for event in events:
        key = getattr(event, "part", None) or getattr(event, "call", None)
        if isinstance(event, TextStart | ReasoningStart | ToolStart):
            assert key not in seen
            still_open.add(key)
            seen.add(key)
        elif hasattr(event, "delta"):
            assert key in still_open
            assert event.delta
        elif isinstance(event, TextEnd | ReasoningEnd | ToolReady):
            still_open.remove(key)
    assert not still_open
