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
import resource
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from audience import Audience, Wave, audience
from hubs import HUBS
from process import cores, fail, say, work_folder
from report import Bar, machine, table, tell

CPU_LIMITS = {"loop": 1.35, "nchan": 1, "sse-starlette": 1 / 5}
"""At most so many times the CPU per delivery of that peer."""

MEMORY_LIMIT_KIB = 10
BATCH = 100
READS_LIMIT = 1.5
"""Pieces in which the events of one publish may arrive. One, if the kernel does not cut them."""

WAVE_DELIVERIES = 60_000
WARM_VIEWERS = 10
DESCRIPTORS = 2_000
"""Files a server has open besides its viewers."""


@dataclass
class Cost:
    """What one server costs with one number of viewers."""

    memory_kib: float
    """Resident memory of an idle viewer."""
    reads: float
    """Pieces in which a viewer receives a publish of BATCH events; 0 if not measured."""
    waves: list[Wave]

    def middle(self) -> Wave:
        """The median of every figure of the waves."""
        names = (field.name for field in fields(Wave))
        return Wave(**{name: median(getattr(w, name) for w in self.waves) for name in names})


Costs = dict[tuple[str, int], Cost]
"""By the server's name and the number of viewers."""


def measure(names: list[str], viewers: int, rounds: int) -> Costs:
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
        for number in range(rounds + 1):
            say(f"round {number} of {rounds} …" if number else "warming up …")
            for name in names:
                wave = one_wave(name, audiences[name], viewers)
                if number:
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
    head = [
        "server",
        "viewers",
        "core busy",
        "CPU/delivery",
        "load/delivery",
        "delay",
        "idle viewer",
    ]
    rows = []
    for (name, viewers), cost in costs.items():
        wave = cost.middle()
        rows.append(
            [
                HUBS[name].title,
                f"{viewers:,}",
                f"{wave.core_busy:.0%}",
                f"{wave.server_us:.1f} µs",
                f"{wave.load_us:.1f} µs",
                f"{wave.delay_mean_ms:.1f} ms",
                f"{cost.memory_kib:.1f} KiB",
            ]
        )
    return table(head, rows)


def bars(costs: Costs) -> list[Bar]:
    """Tidewire's promises, as far as the peers they speak of took part."""
    judged = []
    for (name, viewers), cost in costs.items():
        if name != "tidewire":
            continue
        ours = cost.middle().server_us
        for peer, limit in CPU_LIMITS.items():
            if (peer, viewers) in costs:
                ratio = ours / costs[peer, viewers].middle().server_us
                title = f"{viewers:,} viewers: CPU/delivery, against {HUBS[peer].title}"
                judged.append(Bar(title, ratio, limit, "×"))
        title = f"{viewers:,} viewers: memory of an idle one"
        judged.append(Bar(title, cost.memory_kib, MEMORY_LIMIT_KIB, "KiB"))
        title = f"{viewers:,} viewers: reads of {BATCH} events published at once"
        judged.append(Bar(title, cost.reads, READS_LIMIT, ""))
    return judged


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code: 0 every bar held, 1 a bar was missed, 2 it could not be measured.",
    )
    option = parser.add_argument
    option("--rounds", type=int, default=3, help="rounds that count (default 3)")
    option("--viewers", default="1000,10000", help="how many at once (default %(default)s)")
    option("--peers", default=",".join(HUBS), help="who takes part (default %(default)s)")
    option("--json", type=Path, metavar="FILE", help="write the figures of every round there")
    options = parser.parse_args()
    options.viewers = [int(number) for number in options.viewers.split(",")]
    options.peers = options.peers.split(",")
    if unknown := [name for name in options.peers if name not in HUBS]:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(HUBS)}")
    return options


def allow_open_files(count: int) -> None:
    """For this process and all that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count:
        raise fail(f"{count} open files are needed, {most} are allowed: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    options = arguments()
    allow_open_files(max(options.viewers) + DESCRIPTORS)
    facts = machine() | {HUBS[name].title: HUBS[name].version() for name in options.peers}
    costs: Costs = {}
    for viewers in options.viewers:
        costs |= measure(options.peers, viewers, options.rounds)
    raw = {
        "costs": [
            {"server": name, "viewers": viewers, **asdict(cost)}
            for (name, viewers), cost in costs.items()
        ]
    }
    return tell(facts, figures(costs), bars(costs), raw, options.json)


if __name__ == "__main__":
    sys.exit(main())
