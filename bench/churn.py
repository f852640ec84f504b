"""Does coming and going leave anything behind? Many connections, opened and closed, many times.

10,000 viewers of one channel come, all at once, are told one event, and leave; twenty times.
The server's resident memory is read each time after they have left. The first plateau is
what it is after the third time: by then caches are filled and the heap has found its size.
From there on it may end at most 10 % higher. A leak of 1 KiB a viewer would be 190 MB.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from audience import audience
from hubs import HUBS
from options import options
from process import allow_open_files, cores, say, work_folder
from report import Bar, machine, table, tell

PLATEAU = 3
LIMIT = 1.1


def measure(viewers: int, times: int) -> list[tuple[float, float]]:
    """MiB with all viewers there, and after they have left; before them first."""
    with (
        tempfile.TemporaryDirectory(dir=work_folder()) as folder,
        audience(HUBS["tidewire"], Path(folder) / "tidewire", *cores()) as hub,
    ):
        memory = [(0.0, hub.memory_bytes() / 2**20)]
        for number in range(1, times + 1):
            say(f"{number} of {times} …")
            hub.open(viewers)
            hub.wave(1, 0)
            there = hub.server.resident_bytes()
            hub.close()
            memory.append((there / 2**20, hub.memory_bytes() / 2**20))
        return memory


def main() -> int:
    parser = options(__doc__)
    option = parser.add_argument
    option("--viewers", type=int, default=10_000, help="how many at once (default %(default)s)")
    option("--times", type=int, default=20, help="how often they come (default %(default)s)")
    asked = parser.parse_args()
    if asked.times <= PLATEAU:
        parser.error(f"they must come more than {PLATEAU} times")
    allow_open_files(asked.viewers)
    memory = measure(asked.viewers, asked.times)
    rows = [
        [str(number), f"{there:.1f} MiB", f"{after:.1f} MiB"]
        for number, (there, after) in enumerate(memory)
    ]
    figures = table(["time", "all there", "all gone"], rows)
    grown = memory[-1][1] / memory[PLATEAU][1]
    bars = [Bar("memory at the end, against the first plateau", grown, LIMIT, "×")]
    return tell(machine(), figures, bars, {"mebibytes": memory}, asked.json)


if __name__ == "__main__":
    sys.exit(main())
