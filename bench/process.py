"""Programs under measurement: started on a core of their own, read, and stopped.

Its rule: a figure about a server comes from the server's own process (all its threads and
children), never from the wall clock or from the machine's load. It knows no benchmark and
no product. Linux only: it reads CPU clocks and /proc.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "SOURCE",
    "Program",
    "allow_open_files",
    "compiled",
    "cores",
    "fail",
    "free_port",
    "running",
    "say",
    "work_folder",
]

SOURCE = Path(__file__).resolve().parent
SPARE_FILES = 2_000
"""What a server may have open besides its viewers."""


def say(message: str) -> None:
    """Progress for a person; the result alone goes to stdout."""
    print(message, file=sys.stderr, flush=True)


def fail(message: str) -> SystemExit:
    """The exception to raise when a bench cannot measure: exit code 2, no bar was judged."""
    say(f"bench: {message}")
    return SystemExit(2)


def cores() -> tuple[int, int]:
    """The core for the server and the core for the load, which must not be the same."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise fail("two cores are needed: one for the server, one for the load")
    return usable[-1], usable[0]


def allow_open_files(count: int) -> None:
    """So many and some to spare, for this process and all that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count + SPARE_FILES:
        needed = f"{count + SPARE_FILES} open files are needed, {most} are allowed"
        raise fail(f"{needed}: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def compiled(source: str) -> Path:
    """The executable made of bench/`source` with the machine's C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise fail("no C compiler: install gcc (Debian: apt-get install gcc libc6-dev)")
    target = work_folder() / source.removesuffix(".c")
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", target, SOURCE / source], check=True
    )
    return target


def work_folder() -> Path:
    """Where benches build and write. Git does not see it; it may be deleted at any time."""
    folder = SOURCE.parent / ".bench"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    return folder


class Program:
    """A started program. ``running`` is how to get one."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log

    def cpu_seconds(self) -> float:
        """CPU time used so far by all threads of the program and of its living children."""
        return sum(time.clock_gettime(_cpu_clock(pid)) for pid in _family(self.pid))

    def resident_bytes(self) -> int:
        """Memory it holds now, shared pages counted in each process that maps them."""
        return sum(_resident_pages(pid) for pid in _family(self.pid)) * resource.getpagesize()

    def wait_for_port(self, port: int, seconds: float = 60) -> None:
        """Returns when `port` takes connections; fails with the program's own words."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if not self.alive():
                break
            time.sleep(0.01)
        raise fail(f"{self._log.stem} did not start:\n{self.last_words()}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of what the program printed."""
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """Asks it to end, then insists; what it started in its group ends with it."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def _cpu_clock(pid: int) -> int:
    """The process's CPU clock, as clock_getcpuclockid(3) makes it on Linux.

    It counts what utime + stime in /proc/PID/stat count, in nanoseconds instead of
    hundredths of a second.
    """
    return (~pid << 3) | 2


def _family(pid: int) -> Iterator[int]:
    """The process, its children, and theirs."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _resident_pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def _leave(*_: object) -> None:
    """Ends the bench by way of every ``finally``, so that nothing it started stays behind."""
    raise fail("told to end")


@contextmanager
def running(
    argv: Sequence[object],
    *,
    name: str,
    core: int,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Runs a program in `folder`, pinned to `core`; its output goes to `folder`/`name`.log.

    Arguments may be anything whose ``str`` is the argument: paths, ports.
    """
    signal.signal(signal.SIGTERM, _leave)
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(argument) for argument in argv],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    program = Program(process, log)
    try:
        yield program
    finally:
        program.stop()
