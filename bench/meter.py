"""The meter of bench/relay: many answers at once through one server, every chunk checked.

Its rule: no figure without proof that the work was done. A wave in which a single chunk is
missing, doubled or out of order fails the bench.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from process import Program, compiled, fail, free_port, running
from waves import Wave

__all__ = ["Meter", "Pace", "Target", "meter"]

SETTLE_SECONDS = 0.2
"""Pause after a wave, so that a server's cleaning up is counted as its own work."""


@dataclass(frozen=True)
class Pace:
    """The shape of every answer."""

    chunks: int
    interval_ms: float

    @property
    def answer_ms(self) -> float:
        return self.chunks * self.interval_ms


@dataclass(frozen=True)
class Target:
    """Where to send waves: a server, or the model itself (``server`` is None)."""

    title: str
    port: int
    request: Path
    server: Program | None


@dataclass(frozen=True)
class Meter:
    """Sends waves and reads the clocks."""

    pace: Pace
    model: Program
    model_port: int
    viewers: Path
    core: int

    def wave(self, target: Target, streams: int) -> Wave:
        """`streams` answers at once through `target`; they start over a fifth of their length."""
        server_began, model_began = _cpu_seconds(target.server), self.model.cpu_seconds()
        seen = self._view(target, streams)
        time.sleep(SETTLE_SECONDS)
        if seen["errors"]:
            words = target.server.last_words() if target.server else ""
            raise fail(f"{target.title}: {seen['errors']:.0f} of {streams} answers wrong\n{words}")
        server = _cpu_seconds(target.server) - server_began
        load = self.model.cpu_seconds() - model_began + seen["cpu_seconds"]
        return Wave(
            server_us=server / seen["chunks"] * 1e6,
            load_us=load / seen["chunks"] * 1e6,
            core_busy=server / seen["wall_seconds"],
            delay_p50_ms=seen["delay_p50_ms"],
            delay_p99_ms=seen["delay_p99_ms"],
        )

    def _view(self, target: Target, streams: int) -> dict[str, float]:
        ramp_ms, timeout_s = self.pace.answer_ms / 5, self.pace.answer_ms / 1000 * 5 + 10
        numbers = (target.port, streams, self.pace.chunks, int(ramp_ms), int(timeout_s))
        with target.request.open("rb") as request:
            done = subprocess.run(
                ["taskset", "-c", str(self.core), self.viewers, *map(str, numbers)],
                stdin=request,
                stdout=subprocess.PIPE,
                check=True,
            )
        figures: dict[str, float] = json.loads(done.stdout)
        return figures


def _cpu_seconds(server: Program | None) -> float:
    return server.cpu_seconds() if server else 0.0


@contextmanager
def meter(pace: Pace, core: int, folder: Path) -> Iterator[Meter]:
    """A meter with its paced model running; both model and viewers live on `core`."""
    port, viewers = free_port(), compiled("stream_load.c")
    argv = [compiled("paced_model.c"), port, pace.chunks, int(pace.interval_ms * 1000)]
    with running(argv, name="model", core=core, folder=folder) as model:
        model.wait_for_port(port)
        yield Meter(pace, model, port, viewers, core)
