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
at those lower loads as well, for comparison.

With --dialects the servers are Tidewires, each asked at the endpoint of another dialect and
compared with the native one at the same load. README.md in this folder says how to read it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from meter import Meter, Pace, Target, meter
from options import options, some_of
from peers import DIALECTS, PEERS, SERVERS
from process import cores, free_port, running, say, work_folder
from report import Bar, machine, table, tell
from waves import Wave, columns, middle, rounds

DIRECT = "none: viewers ask the model"
CPU_LIMITS = {"nginx": 4, "plain": 0.4, "litellm": 1 / 15}
"""At most so many times the CPU per chunk of that peer."""

DIALECT_LIMIT = 1.3
"""At most so many times the CPU per chunk of the native dialect, at the same load."""

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


def measure(names: list[str], times: int, streams: int, pace: Pace) -> dict[Load, list[Wave]]:
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
        for counts in rounds(times):
            for name, at_once in plan:
                wave = gauge.wave(targets[name], at_once)
                if counts:
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


def figures(medians: dict[Load, Wave]) -> str:
    head = ["server", "answers", *columns("chunk")]
    return table(head, [_row(load, wave) for load, wave in medians.items()])


def _row(load: Load, wave: Wave) -> list[str]:
    name, at_once = load
    if name == "direct":
        _, _, *load_and_delays = wave.cells()
        return [DIRECT, str(at_once), "", "", *load_and_delays]
    return [PEERS[name].title, str(at_once), *wave.cells()]


def bars(medians: dict[Load, Wave]) -> list[Bar]:
    """Tidewire's promises, as far as the peers they speak of took part."""
    first: dict[str, Wave] = {}
    for (name, _), wave in medians.items():
        first.setdefault(name, wave)
    if "tidewire" not in first:
        return []
    ours = first["tidewire"]
    against_peers = [
        Bar(
            f"CPU/chunk, against {PEERS[name].title}",
            ours.server_us / first[name].server_us,
            limit,
            "×",
        )
        for name, limit in CPU_LIMITS.items()
        if name in first
    ]
    against_native = [
        Bar(
            f"CPU/chunk of dialect {name}, against native",
            wave.server_us / medians["tidewire", at_once].server_us,
            DIALECT_LIMIT,
            "×",
        )
        for (name, at_once), wave in medians.items()
        if name in DIALECTS and name != "tidewire"
    ]
    delay = Bar("delay p50", ours.delay_p50_ms, DELAY_LIMIT_MS, "ms")
    return [*against_peers, *against_native, delay]


def arguments() -> argparse.Namespace:
    parser = options(__doc__, rounds=3)
    option = parser.add_argument
    option("--streams", type=int, default=200, help="answers at once (default %(default)s)")
    option("--chunks", type=int, default=100, help="chunks of an answer (default %(default)s)")
    option(
        "--interval-ms", type=float, default=10, help="from chunk to chunk (default %(default)s)"
    )
    who = parser.add_mutually_exclusive_group()
    about = f"of {','.join(PEERS)}, some (default {','.join(SERVERS)})"
    who.add_argument("--peers", type=some_of(PEERS), default=SERVERS, help=about)
    about = "Tidewire's dialects beside each other, instead of others' servers"
    who.add_argument("--dialects", dest="peers", action="store_const", const=DIALECTS, help=about)
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    pace = Pace(asked.chunks, asked.interval_ms)
    facts = machine() | {PEERS[name].title: PEERS[name].version() for name in asked.peers}
    waves = measure(asked.peers, asked.rounds, asked.streams, pace)
    medians = {load: middle(of_load) for load, of_load in waves.items()}
    if medians["direct", asked.streams].delay_p99_ms > BUSY_MS:
        say("note: the machine was busy with other things; do not believe the delays")
    raw = {
        "pace": asdict(pace),
        "waves": [
            {"server": name, "answers": at_once, "rounds": [asdict(wave) for wave in of_load]}
            for (name, at_once), of_load in waves.items()
        ],
    }
    return tell(facts, figures(medians), bars(medians), raw, asked.json)


if __name__ == "__main__":
    sys.exit(main())
