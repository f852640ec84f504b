"""The parser beside httpx-sse's decoder, in the same run: ``python bench/parser.py``.

Both turn the same bytes into events: small ones, as models send them, one to a chunk
(a relayed token) and in chunks of 64 KiB (a replay). httpx-sse reads text, so it gets
the incremental UTF-8 decoder that httpx puts before it. Its generators are left out,
which favours it. The two take turns; figures are medians of the rounds.
Exits with 1 if any ratio is under the bar, or if the two disagree about an event.
"""

from __future__ import annotations

import codecs
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from tidewire.wire.parser import Parser
from tidewire.wire.writer import frame

BAR: Final = 3.0
EVENTS: Final = 5000
ROUNDS: Final = 15
BULK_BYTES: Final = 64 << 10

Read = Callable[[Iterable[bytes]], list[Any]]


def tidewire(chunks: Iterable[bytes]) -> list[Any]:
    parser = Parser()
    found = []
    for chunk in chunks:
        found += parser.feed(chunk)
    return found


def httpx_sse(chunks: Iterable[bytes]) -> list[Any]:
    text = codecs.getincrementaldecoder("utf-8")("replace")
    lines = SSELineDecoder()
    events = SSEDecoder()
    found = []
    for chunk in chunks:
        for line in lines.decode(text.decode(chunk)):
            event = events.decode(line)
            if event is not None:
                found.append(event)
    return found


def plain(number: int) -> bytes:
    """What an OpenAI-like model sends for one token."""
    return frame(
        '{"id":"chatcmpl-9","object":"chat.completion.chunk","created":1700000000,"model":"m",'
        f'"choices":[{{"index":0,"delta":{{"content":" w{number}"}},"finish_reason":null}}]}}'
    )


def typed(number: int) -> bytes:
    """What an Anthropic-like model sends for one token."""
    return frame(
        '{"type":"content_block_delta","index":0,'
        f'"delta":{{"type":"text_delta","text":" w{number}"}}}}',
        event="content_block_delta",
    )


def named(number: int) -> bytes:
    """What Tidewire sends for one token."""
    data = f'{{"part":"t1","delta":" w{number}"}}'
    return frame(data, event="text.delta", id=f"Ab3xY9-{number}")


SHAPES: Final = {"data": plain, "event, data": typed, "id, event, data": named}


def in_bulk(events: list[bytes]) -> list[bytes]:
    stream = b"".join(events)
    return [stream[at : at + BULK_BYTES] for at in range(0, len(stream), BULK_BYTES)]


def fields(events: list[Any]) -> list[tuple[str, str, str]]:
    return [(event.event, event.data, event.id) for event in events]


def seconds(read: Read, chunks: list[bytes]) -> float:
    begin = time.process_time()
    read(chunks)
    return time.process_time() - begin


def compare(label: str, chunks: list[bytes]) -> bool:
    """Print one row of the table; whether it is over the bar."""
    if fields(tidewire(chunks)) != fields(httpx_sse(chunks)):
        raise SystemExit(f"{label}: the two parsers disagree")
    rounds = [(seconds(tidewire, chunks), seconds(httpx_sse, chunks)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) / EVENTS for column in zip(*rounds, strict=True))
    ratio: float = theirs / ours
    print(
        f"{label:<34}{ours * 1e9:>10.0f}{1 / ours:>14,.0f}{theirs * 1e9:>14.0f}{ratio:>8.1f}x"
        f"{'' if ratio >= BAR else f'   under the bar of {BAR}x'}"
    )
    return ratio >= BAR


def main() -> int:
    print(f"{'CPU time':<34}{'ns/event':>10}{'events/s':>14}{'httpx-sse ns':>14}{'ratio':>9}")
    passed = True
    for shape, write in SHAPES.items():
        events = [write(number) for number in range(EVENTS)]
        passed &= compare(f"{shape}; one event a chunk", events)
        passed &= compare(f"{shape}; 64 KiB chunks", in_bulk(events))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
