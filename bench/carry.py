"""How many answers at once one core carries before their chunks come late.

The model, the viewers, the servers and their cores are those of relay.py. Each server is given
more and more answers, until half of the chunks take longer than 5 ms (the median of several
waves says so), and then the number between is looked for, to a tenth. A chunk that is lost or
doubled fails the bench here, too.

More than 300 are not tried: there the core of the model and the viewers has no rest either.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median

from meter import Meter, Pace, Target, meter
from options import options, some_of
from peers import PEERS, SERVERS
from process import cores, say, work_folder
from relay import DELAY_LIMIT_MS, relay
from report import machine, table, tell

FEWEST = 5
MOST = 300


def most_in_time(is_in_time: Callable[[int], bool]) -> int:
    """The largest number that is in time, to a tenth, up to MOST; 0 if FEWEST is not."""
    carried, too_many = 0, FEWEST
    while is_in_time(too_many):
        carried = too_many
        if carried == MOST:
            return MOST
        too_many = min(carried * 2, MOST)
    while too_many - carried > max(carried // 10, 1):
        between = (carried + too_many) // 2
        if is_in_time(between):
            carried = between
        else:
            too_many = between
    return carried


def carried_by(target: Target, gauge: Meter, waves: int) -> int:
    """How many answers this server carries."""

    def is_in_time(at_once: int) -> bool:
        delay_ms = median(gauge.wave(target, at_once).delay_p50_ms for _ in range(waves))
        say(f"{target.title}: {at_once} answers, p50 {delay_ms:.1f} ms")
        return delay_ms <= DELAY_LIMIT_MS

    gauge.wave(target, FEWEST)  # the first answers are dearer
    return most_in_time(is_in_time)


def measure(names: list[str], waves: int, pace: Pace) -> dict[str, int]:
    """How many answers each peer carries."""
    server_core, load_core = cores()
    carried = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work_folder())))
        gauge = stack.enter_context(meter(pace, load_core, folder))
        for name in names:
            with relay(name, folder / name, server_core, gauge) as target:
                carried[name] = carried_by(target, gauge, waves)
    return carried


def figures(carried: dict[str, int], pace: Pace) -> str:
    rows = [
        [
            PEERS[name].title,
            f"{at_once}{' or more' if at_once == MOST else ''}",
            f"{at_once * 1000 / pace.interval_ms:,.0f}",
        ]
        for name, at_once in carried.items()
    ]
    return table(["server", "answers at once", "chunks a second"], rows)


def arguments() -> argparse.Namespace:
    parser = options(__doc__)
    option = parser.add_argument
    option("--waves", type=int, default=3, help="waves at each number (default %(default)s)")
    option("--chunks", type=int, default=100, help="chunks of an answer (default %(default)s)")
    option(
        "--interval-ms", type=float, default=10, help="from chunk to chunk (default %(default)s)"
    )
    about = f"of {','.join(SERVERS)}, some (default all)"
    option("--peers", type=some_of(SERVERS), default=SERVERS, help=about)
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    pace = Pace(asked.chunks, asked.interval_ms)
    facts = machine() | {PEERS[name].title: PEERS[name].version() for name in asked.peers}
    carried = measure(asked.peers, asked.waves, pace)
    raw = {"pace": asdict(pace), "carried": carried}
    return tell(facts, figures(carried, pace), [], raw, asked.json)


if __name__ == "__main__":
    sys.exit(main())
