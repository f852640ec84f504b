"""What it costs to tell many viewers of one event: CPU time per delivery, and memory per viewer.

Every server has one channel, watched by 1,000 viewers and then by 10,000 (audience.c), who
check that each event of 100 bytes arrives, once and in order. The CPU figure is the CPU time
of the server's own process, with all its threads and children, divided by the deliveries; the
memory figure is what its resident memory grew by, from no viewer to all of them, idle.

The floor is a send loop in C (send_loop.c), which keeps nothing and parses no more than it
must: what is left is the kernel's work, the same for everybody. Tidewire writes every event
to its log (SQLite) before it delivers it.

The server has one core to itself, publisher and viewers share the other. Servers take turns,
round by round; a first round is thrown away, the median of the rest counts. All are
published to so seldom that they have time to spare. README.md in this folder says how to
read the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from audience import Audience, audience
from hubs import HUBS
from options import numbers, options, some_of
from process import allow_open_files, cores, say, work_folder
from report import Bar, machine, table, tell
from waves import Wave, columns, middle, rounds

CPU_LIMITS = {"loop": 1.35, "nchan": 1, "sse-starlette": 1 / 5}
"""At most so many times the CPU per delivery of that peer."""

MEMORY_LIMIT_KIB = 10
BATCH = 100
READS_LIMIT = 1.5
"""Pieces in which the events of one publish may arrive. One, if the kernel does not cut them."""

WAVE_DELIVERIES = 60_000
WARM_VIEWERS = 10


@dataclass
class Cost:
    """What one server costs with one number of viewers."""

    memory_kib: float
    """Resident memory of an idle viewer."""
    reads: float
    """Pieces in which a viewer receives a publish of BATCH events; 0 if not measured."""
    waves: list[Wave]


Costs = dict[tuple[str, int], Cost]
"""By the server's name and the number of viewers."""


def measure(names: list[str], viewers: int, times: int) -> Costs:
    """All servers with their viewers, side by side; the waves go round among them."""
    server_core, load_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work_folder())))
        costs: Costs = {}
        audiences: dict[str, Audience] = {}
        for name in names:
            say(f"{HUBS[name].title}: {viewers} viewers come …")
            hub = audience(HUBS[name], folder / name, server_core, load_core)
            audiences[name] = stack.enter_context(hub)
            memory_kib = idle_viewer_kib(audiences[name], viewers)
            costs[name, viewers] = Cost(memory_kib, 0, [])
        for counts in rounds(times):
            for name in names:
                wave = one_wave(name, audiences[name], viewers)
                if counts:
                    costs[name, viewers].waves.append(wave)
        if "tidewire" in names:
            costs["tidewire", viewers].reads = audiences["tidewire"].reads_of_batch(BATCH)
    return costs


def idle_viewer_kib(hub: Audience, viewers: int) -> float:
    """What a viewer adds to the server's memory, once all are there and none is told anything.

    A few came, were served and left before, so that what a first viewer sets up is there.
    """
    hub.open(WARM_VIEWERS)
    hub.wave(WARM_VIEWERS, 10)
    hub.close()
    before = hub.memory_bytes()
    hub.open(viewers)
    return (hub.memory_bytes() - before) / viewers / 1024


def one_wave(name: str, hub: Audience, viewers: int) -> Wave:
    interval_ms = viewers / HUBS[name].deliveries_per_second * 1000
    return hub.wave(WAVE_DELIVERIES // viewers, interval_ms)


def figures(costs: Costs) -> str:
    head = ["server", "viewers", *columns("delivery"), "idle viewer"]
    rows = [
        [
            HUBS[name].title,
            f"{viewers:,}",
            *middle(cost.waves).cells(),
            f"{cost.memory_kib:.1f} KiB",
        ]
        for (name, viewers), cost in costs.items()
    ]
    return table(head, rows)


def bars(costs: Costs) -> list[Bar]:
    """Tidewire's promises, as far as the peers they speak of took part."""
    judged = []
    for viewers in [viewers for name, viewers in costs if name == "tidewire"]:
        ours = costs["tidewire", viewers]
        title = f"{viewers:,} viewers: "
        for peer, limit in CPU_LIMITS.items():
            if theirs := costs.get((peer, viewers)):
                ratio = middle(ours.waves).server_us / middle(theirs.waves).server_us
                against = f"{title}CPU/delivery, against {HUBS[peer].title}"
                judged.append(Bar(against, ratio, limit, "×"))
        reads = f"{title}reads of {BATCH} events published at once"
        judged += [
            Bar(f"{title}memory of an idle one", ours.memory_kib, MEMORY_LIMIT_KIB, "KiB"),
            Bar(reads, ours.reads, READS_LIMIT, ""),
        ]
    return judged


def arguments() -> argparse.Namespace:
    parser = options(__doc__, rounds=3)
    option, names = parser.add_argument, ",".join(HUBS)
    about = "how many at once (default %(default)s)"
    option("--viewers", type=numbers, default="1000,10000", help=about)
    option("--peers", type=some_of(HUBS), default=names, help="of %(default)s, some")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    allow_open_files(max(asked.viewers))
    facts = machine() | {HUBS[name].title: HUBS[name].version() for name in asked.peers}
    costs: Costs = {}
    for viewers in asked.viewers:
        costs |= measure(asked.peers, viewers, asked.rounds)
    raw = {
        "costs": [
            {"server": name, "viewers": viewers, **asdict(cost)}
            for (name, viewers), cost in costs.items()
        ]
    }
    return tell(facts, figures(costs), bars(costs), raw, asked.json)


if __name__ == "__main__":
    sys.exit(main())
