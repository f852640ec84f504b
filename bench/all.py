"""Every bench, one after another, and at the end which bars held.

With --quick they all do the same work in small: it shows that they run; the figures mean
little. What each of them told stays in .bench/figures/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from options import EPILOG
from process import SOURCE, say, work_folder
from report import Bar, verdicts


@dataclass(frozen=True)
class Bench:
    """A bench as it is called, what makes it quick, and how long it takes without that."""

    command: str
    quick: str
    seconds: int


BENCHES = {
    "parser": Bench("parser.py", "--rounds 3", 10),
    "start": Bench("start.py", "--rounds 1", 15),
    "relay": Bench("relay.py", "--rounds 1 --streams 40 --chunks 40", 50),
    "dialects": Bench("relay.py --dialects", "--rounds 1 --streams 40 --chunks 40", 40),
    "carry": Bench("carry.py", "--waves 1 --chunks 20 --peers tidewire", 120),
    "fanout": Bench("fanout.py", "--rounds 1 --viewers 200", 180),
    "stalled": Bench("stalled.py", "--rounds 1 --viewers 100", 90),
    "churn": Bench("churn.py", "--viewers 500 --times 4", 240),
}


def run(bench: Bench, figures: Path, *, quick: bool) -> list[Bar] | None:
    """What the bench promised and found; None if it could not be measured."""
    script, *its_options = bench.command.split()
    more = bench.quick.split() if quick else []
    argv = [sys.executable, str(SOURCE / script), *its_options, *more, "--json", str(figures)]
    figures.unlink(missing_ok=True)
    with subprocess.Popen(argv):  # ^C is for it, too: it stops what it started
        pass
    if not figures.exists():
        return None
    return [Bar(**bar) for bar in json.loads(figures.read_text())["bars"]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG)
    about = f"of {', '.join(BENCHES)}, some (default: all)"
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=about)
    parser.add_argument("--quick", action="store_true", help="small, to see that they run")
    asked = parser.parse_args()
    if unknown := [name for name in asked.benches if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    asked.benches = asked.benches or list(BENCHES)
    return asked


def main() -> int:
    asked = arguments()
    folder = work_folder() / "figures"
    folder.mkdir(exist_ok=True)
    bars, unmeasured = [], []
    for number, name in enumerate(asked.benches, 1):
        bench = BENCHES[name]
        takes = "" if asked.quick else f", about {bench.seconds} s"
        say(f"\n[{number} of {len(asked.benches)}] {name}{takes}")
        found = run(bench, folder / f"{name}.json", quick=asked.quick)
        if found is None:
            unmeasured.append(name)
        bars += [Bar(f"{name}: {bar.name}", bar.value, bar.limit, bar.unit) for bar in found or []]
    if bars:
        print(f"\nAll bars\n\n{verdicts(bars)}")
    if unmeasured:
        print(f"\nCould not be measured: {', '.join(unmeasured)}")
        return 2
    return 0 if all(bar.held for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
