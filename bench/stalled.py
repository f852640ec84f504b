"""Does one viewer who stops reading slow the others? Their delays, without it and with it.

999 viewers of one channel (audience.c) check that every event arrives, once and in order. In
every second wave a thousandth one comes, and reads nothing but its head. After some 100
events of 1,000 bytes the kernel takes no more for it, and Tidewire has it out of its live
audience. If the server does not call it slow after the wave, or if it does not get all of it
when it reads on at last, the bench fails: it would have measured something else.

Waves without and with it take turns, so that a noisy moment of the machine hits both; first
ones are thrown away, the median of the rest counts. README.md in this folder says how to read
the figures.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice, takewhile
from pathlib import Path

from audience import Audience, audience
from hubs import HUBS
from options import options
from process import allow_open_files, cores, fail, say, work_folder
from report import Bar, machine, table, tell
from waves import Wave, columns, middle, rounds

HUB = HUBS["tidewire"]
LIMIT = 1.2
"""At most so many times the p99 delay without the stalled reader."""

EVENT_BYTES = 1000
INTERVAL_MS = 20
"""A p50 delay above this, without a stalled reader, says that others are using the machine."""

RECEIVE_BYTES = 4096
SEGMENT_BYTES = 1460
"""As over Ethernet; at loopback's own size the kernel alone would hold megabytes."""

PATIENCE_SECONDS = 20
STAMP = re.compile(rb"@[0-9a-f]{8}\.([0-9a-f]{4})\.[0-9a-f]{16}")


class StalledReader:
    """A viewer who reads the head of its stream, and nothing more until it is told to."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.sock = small_socket(port)
        self._connection.request("GET", HUB.subscribe, headers={"Accept": "text/event-stream"})
        self._response = self._connection.getresponse()

    def close(self) -> None:
        self._response.close()
        self._connection.close()

    def read_on(self, events: int) -> bool:
        """Whether so many come, once and in order."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines = takewhile(lambda _: time.monotonic() < deadline, self._response)
        stamps = filter(None, map(STAMP.search, lines))
        return [int(stamp[1], 16) for stamp in islice(stamps, events)] == [*range(events)]


def small_socket(port: int) -> socket.socket:
    """A connection that is full soon."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
    sock.connect(("127.0.0.1", port))
    return sock


@contextmanager
def stalled_reader(port: int, events: int) -> Iterator[None]:
    """One is there meanwhile; proves that it was stalled, and that it missed nothing."""
    reader = StalledReader(port)
    try:
        yield
        if slow_viewers(port) != 1:
            raise fail("the reader did not stall: more events are needed (--events)")
        if not reader.read_on(events):
            raise fail("the stalled reader did not get every event when it read on")
    finally:
        reader.close()


def slow_viewers(port: int) -> int:
    """How many the server has taken out of its live audience."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/api/connections")
        viewers = json.load(connection.getresponse())["connections"]
        return sum(viewer["slow"] for viewer in viewers)
    finally:
        connection.close()


def measure(viewers: int, events: int, times: int) -> tuple[list[Wave], list[Wave]]:
    """The waves that count: without a stalled reader, and with one."""
    without: list[Wave] = []
    beside: list[Wave] = []
    with (
        tempfile.TemporaryDirectory(dir=work_folder()) as folder,
        audience(HUB, Path(folder) / "tidewire", *cores()) as hub,
    ):
        say(f"{viewers} viewers come …")
        hub.open(viewers)
        for counts in rounds(times):
            waves = one_round(hub, events)
            if counts:
                without.append(waves[0])
                beside.append(waves[1])
    return without, beside


def one_round(hub: Audience, events: int) -> tuple[Wave, Wave]:
    without = hub.wave(events, INTERVAL_MS, EVENT_BYTES)
    with stalled_reader(hub.port, events):
        beside = hub.wave(events, INTERVAL_MS, EVENT_BYTES)
    return without, beside


def main() -> int:
    parser = options(__doc__, rounds=5)
    option = parser.add_argument
    option("--viewers", type=int, default=999, help="who read (default %(default)s)")
    option("--events", type=int, default=250, help="events of a wave (default %(default)s)")
    asked = parser.parse_args()
    allow_open_files(asked.viewers)
    without, beside = measure(asked.viewers, asked.events, asked.rounds)
    alone, slowed = middle(without), middle(beside)
    rows = [["nobody stalls", *alone.cells()], ["one reader is stalled", *slowed.cells()]]
    figures = table([f"{asked.viewers} viewers", *columns("delivery")], rows)
    if alone.delay_p50_ms > INTERVAL_MS:
        say("note: the machine was busy with other things; do not believe the delays")
    ratio = slowed.delay_p99_ms / alone.delay_p99_ms
    bars = [Bar("delay p99 beside a stalled reader, against without", ratio, LIMIT, "×")]
    raw = {
        "without": [asdict(wave) for wave in without],
        "beside": [asdict(wave) for wave in beside],
    }
    facts = machine() | {HUB.title: HUB.version()}
    return tell(facts, figures, bars, raw, asked.json)


if __name__ == "__main__":
    sys.exit(main())
