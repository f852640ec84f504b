"""The parser beside httpx-sse's decoder: CPU time per event.

Both turn the same bytes into events: small ones, as models send them, one to a chunk (a
relayed token) and in chunks of 64 KiB (a replay). httpx-sse reads text, so it gets the
incremental UTF-8 decoder that httpx puts before it. Its generators are left out, which
favours it. The two take turns; figures are medians of the rounds, and there is none if the
two disagree about an event.
"""

from __future__ import annotations

import codecs
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any, Final

from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from options import options
from process import fail, say
from report import Bar, machine, table, tell

from tidewire.wire.parser import Parser
from tidewire.wire.writer import frame

LIMIT: Final = 1 / 3
"""At most so many times the CPU time of httpx-sse."""

EVENTS: Final = 5000
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


@dataclass
class Comparison:
    """CPU nanoseconds an event, round by round."""

    title: str
    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        return median(self.ours) / median(self.theirs)

    def row(self) -> list[str]:
        ours, theirs = median(self.ours), median(self.theirs)
        return [self.title, f"{ours:.0f} ns", f"{theirs:.0f} ns", f"{theirs / ours:.1f} ×"]


def compare(title: str, chunks: list[bytes], rounds: int) -> Comparison:
    if fields(tidewire(chunks)) != fields(httpx_sse(chunks)):
        raise fail(f"{title}: the two parsers disagree")
    comparison = Comparison(title, [], [])
    for _ in range(rounds):
        comparison.ours.append(seconds(tidewire, chunks) / EVENTS * 1e9)
        comparison.theirs.append(seconds(httpx_sse, chunks) / EVENTS * 1e9)
    return comparison


def measure(rounds: int) -> list[Comparison]:
    comparisons = []
    for shape, write in SHAPES.items():
        say(f"events of {shape} …")
        events = [write(number) for number in range(EVENTS)]
        comparisons += [
            compare(f"{shape}; one event a chunk", events, rounds),
            compare(f"{shape}; 64 KiB chunks", in_bulk(events), rounds),
        ]
    return comparisons


def main() -> int:
    asked = options(__doc__, rounds=15).parse_args()
    comparisons = measure(asked.rounds)
    head = ["fields of an event", "tidewire", "httpx-sse", "faster"]
    figures = table(head, [comparison.row() for comparison in comparisons])
    bars = [Bar(f"CPU/event: {one.title}", one.ratio, LIMIT, "×") for one in comparisons]
    raw = {"nanoseconds": [asdict(comparison) for comparison in comparisons]}
    facts = machine() | {name: version(name) for name in ("tidewire", "httpx-sse")}
    return tell(facts, figures, bars, raw, asked.json)


if __name__ == "__main__":
    sys.exit(main())
