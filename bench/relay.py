"""What it costs to relay a model's answers: CPU time per chunk, and the delay of a chunk.

A paced model (paced_model.c) answers every request with chat-completion chunks at a steady
pace. Each server relays such answers to many viewers at once (stream_load.c), who check that
every chunk arrives, once and in order. The figure is the CPU time of the relaying server's
own process divided by the chunks that were delivered and checked.

The server has one core to itself; the model and the viewers share the other. The servers
take turns, round by round, so that a noisy moment of the machine hits all of them, and the
median of the rounds counts; a first round warms everything up and is thrown away.

A server that runs out of CPU time begins to read and write several chunks at once, and then
looks cheaper than it is. So the slower ones get fewer answers at once, of the same length
and pace: as many as leave their core some rest ("core busy" shows it). Tidewire is measured
at those lower loads as well, for comparison. README.md in this folder says how to read it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median

from peers import PEERS
from process import cores, free_port, running, say, work_folder
from report import Bar, machine, table, tell
from waves import Meter, Pace, Target, Wave, meter

DIRECT = "none: viewers ask the model"
CPU_LIMITS = {"nginx": 4, "plain": 0.4, "litellm": 1 / 15}
"""At most so many times the CPU per chunk of that peer."""

DELAY_LIMIT_MS = 5
BUSY_MS = 2
"""A p99 above this, without any server, says that others are using the machine."""

Load = tuple[str, int]
"""Who is measured (a peer's name, or ``direct``), with how many answers at once."""


def loads(names: list[str], streams: int) -> list[Load]:
    """The waves of one round: each peer at what it carries, tidewire at every such load."""
    carried = {name: min(streams, PEERS[name].streams or streams) for name in names}
    lower = sorted(set(carried.values()) - {streams}, reverse=True)
    again = [("tidewire", load) for load in lower if "tidewire" in names]
    return [("direct", streams), *carried.items(), *again]


def measure(names: list[str], rounds: int, streams: int, pace: Pace) -> dict[Load, list[Wave]]:
    """Every wave of every round, by load."""
    plan = loads(names, streams)
    waves: dict[Load, list[Wave]] = {load: [] for load in plan}
    server_core, load_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work_folder())))
        gauge = stack.enter_context(meter(pace, load_core, folder))
        targets = {
            name: stack.enter_context(relay(name, folder / name, server_core, gauge))
            for name in names
        }
        targets["direct"] = Target(DIRECT, gauge.model_port, targets[names[0]].request, None)
        for number in range(rounds + 1):
            say(f"round {number} of {rounds} …" if number else "warming up …")
            for name, at_once in plan:
                wave = gauge.wave(targets[name], at_once)
                if number:
                    waves[name, at_once].append(wave)
    return waves


@contextmanager
def relay(name: str, folder: Path, core: int, gauge: Meter) -> Iterator[Target]:
    """The peer of that name, started and ready to be asked."""
    peer, port = PEERS[name], free_port()
    folder.mkdir()
    launch = peer.launch(folder, port, gauge.model_port)
    request = folder / "request"
    request.write_bytes(launch.request())
    say(f"starting {peer.title} …")
    with running(launch.argv, name=name, core=core, folder=folder, env=launch.env) as server:
        server.wait_for_port(port)
        yield Target(peer.title, port, request, server)


def middle(waves: list[Wave]) -> Wave:
    """The median of every figure."""
    return Wave(
        **{field.name: median(getattr(w, field.name) for w in waves) for field in fields(Wave)}
    )


def figures(medians: dict[Load, Wave]) -> str:
    head = ["server", "answers", "core busy", "CPU/chunk", "load/chunk", "delay p50", "p99"]
    return table(head, [_row(load, wave) for load, wave in medians.items()])


def _row(load: Load, wave: Wave) -> list[str]:
    name, at_once = load
    served = name != "direct"
    return [
        PEERS[name].title if served else DIRECT,
        str(at_once),
        f"{wave.core_busy:.0%}" if served else "",
        f"{wave.server_us:.1f} µs" if served else "",
        f"{wave.load_us:.1f} µs",
        f"{wave.delay_p50_ms:.2f} ms",
        f"{wave.delay_p99_ms:.2f} ms",
    ]


def bars(medians: dict[Load, Wave]) -> list[Bar]:
    """Tidewire's promises, as far as the peers they speak of took part."""
    first: dict[str, Wave] = {}
    for (name, _), wave in medians.items():
        first.setdefault(name, wave)
    if "tidewire" not in first:
        return []
    ours = first["tidewire"]
    compared = [
        Bar(
            f"CPU/chunk, against {PEERS[name].title}",
            ours.server_us / first[name].server_us,
            limit,
            "×",
        )
        for name, limit in CPU_LIMITS.items()
        if name in first
    ]
    return [*compared, Bar("delay p50", ours.delay_p50_ms, DELAY_LIMIT_MS, "ms")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code: 0 every bar held, 1 a bar was missed, 2 it could not be measured.",
    )
    option = parser.add_argument
    option("--rounds", type=int, default=3, help="rounds that count (default 3)")
    option("--streams", type=int, default=200, help="answers at once (default 200)")
    option("--chunks", type=int, default=100, help="chunks of an answer (default 100)")
    option("--interval-ms", type=float, default=10, help="time between two chunks (default 10)")
    option("--peers", default=",".join(PEERS), help="who takes part (default %(default)s)")
    option("--json", type=Path, metavar="FILE", help="write the figures of every round there")
    options = parser.parse_args()
    options.peers = options.peers.split(",")
    if unknown := [name for name in options.peers if name not in PEERS]:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return options


def main() -> int:
    options = arguments()
    pace = Pace(options.chunks, options.interval_ms)
    facts = machine() | {PEERS[name].title: PEERS[name].version() for name in options.peers}
    waves = measure(options.peers, options.rounds, options.streams, pace)
    medians = {load: middle(of_load) for load, of_load in waves.items()}
    if medians["direct", options.streams].delay_p99_ms > BUSY_MS:
        say("note: the machine was busy with other things; do not believe the delays")
    raw = {
        "pace": asdict(pace),
        "waves": [
            {"server": name, "answers": at_once, "rounds": [asdict(wave) for wave in of_load]}
            for (name, at_once), of_load in waves.items()
        ],
    }
    return tell(facts, figures(medians), bars(medians), raw, options.json)


if __name__ == "__main__":
    sys.exit(main())
