"""What Tidewire costs before it does anything: CPU of `tidewire --help`, time from exec until
`tidewire serve` is ready, and the memory of an idle server.

Each is the median of several rounds. The command has one core to itself; the readiness probe,
every few milliseconds, runs on the other. The server starts with an empty data folder and no
configuration, as for a new user, and its memory is read after a second of rest. A first round
is thrown away: it compiles modules and fills the disk cache.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from options import options
from peers import TIDEWIRE
from process import Program, cores, fail, free_port, running, work_folder
from report import Bar, machine, table, tell
from waves import rounds

HELP = "CPU of tidewire --help"
READY = "exec to ready"
READY_CPU = "CPU until ready"
MEMORY = "memory at rest"
UNITS = {HELP: "s", READY: "s", READY_CPU: "s", MEMORY: "MiB"}
LIMITS = {HELP: 0.3, READY: 1.5, MEMORY: 90}
PROBE_SECONDS = 0.005
REST_SECONDS = 1
GIVE_UP_SECONDS = 30


def help_cpu_seconds(core: int) -> float:
    """User and system time of one `tidewire --help`."""
    command = ["taskset", "-c", str(core), str(TIDEWIRE), "--help"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise fail(f"tidewire --help ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def serve(core: int) -> tuple[float, float, float]:
    """Seconds from exec to ready, CPU seconds of them, and the idle server's memory in MiB."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir=work_folder()) as name:
        folder = Path(name)
        argv = [TIDEWIRE, "serve", "--port", port, "--data", folder / "data"]
        began = time.monotonic()
        with running(argv, name="tidewire", core=core, folder=folder) as server:
            wait_until_ready(server, port)
            ready_seconds, cpu_seconds = time.monotonic() - began, server.cpu_seconds()
            time.sleep(REST_SECONDS)
            return ready_seconds, cpu_seconds, server.resident_bytes() / 2**20


def wait_until_ready(server: Program, port: int) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not is_ready(port):
        if time.monotonic() > deadline or not server.alive():
            raise fail(f"tidewire serve did not become ready:\n{server.last_words()}")
        time.sleep(PROBE_SECONDS)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def measure(times: int) -> dict[str, list[float]]:
    """The figures of every round that counts, by name."""
    core, probe_core = cores()
    os.sched_setaffinity(0, {probe_core})
    taken: dict[str, list[float]] = {HELP: [], READY: [], READY_CPU: [], MEMORY: []}
    for counts in rounds(times):
        figures = (help_cpu_seconds(core), *serve(core))
        if counts:
            for of_name, figure in zip(taken.values(), figures, strict=True):
                of_name.append(figure)
    return taken


def main() -> int:
    asked = options(__doc__, rounds=5).parse_args()
    taken = measure(asked.rounds)
    spread = [
        [name, UNITS[name], *(f"{pick(of_name):.3g}" for pick in (min, median, max))]
        for name, of_name in taken.items()
    ]
    bars = [Bar(name, median(taken[name]), limit, UNITS[name]) for name, limit in LIMITS.items()]
    facts = machine() | {"tidewire": version("tidewire")}
    figures = table(["", "unit", "lowest", "median", "highest"], spread)
    return tell(facts, figures, bars, {"rounds": taken}, asked.json)


if __name__ == "__main__":
    sys.exit(main())
