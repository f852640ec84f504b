"""One wave: a server does its work for a moment, and what that cost is taken down.

Its rule: servers take turns, round by round, so that a noisy moment of the machine hits all of
them. A first round warms everything up and is thrown away; the median of the others counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import median

from process import say

__all__ = ["Wave", "columns", "middle", "rounds"]


@dataclass(frozen=True)
class Wave:
    """What was measured. A piece is what the bench counts: a chunk, or a delivery."""

    server_us: float
    """CPU time of the server, microseconds a piece."""
    load_us: float
    """CPU time of those who write and read, together, microseconds a piece."""
    core_busy: float
    """Share of its core that the server used."""
    delay_p50_ms: float
    """From the writing of a piece to its arrival."""
    delay_p99_ms: float

    def cells(self) -> list[str]:
        """The figures under ``columns``."""
        return [
            f"{self.core_busy:.0%}",
            f"{self.server_us:.1f} µs",
            f"{self.load_us:.1f} µs",
            f"{self.delay_p50_ms:.2f} ms",
            f"{self.delay_p99_ms:.2f} ms",
        ]


def columns(piece: str) -> list[str]:
    return ["core busy", f"CPU/{piece}", f"load/{piece}", "delay p50", "p99"]


def rounds(count: int) -> Iterator[bool]:
    """So many rounds and one before them; gives whether the round counts."""
    for number in range(count + 1):
        say(f"round {number} of {count} …" if number else "warming up …")
        yield number > 0


def middle(waves: Sequence[Wave]) -> Wave:
    """The median of every figure."""
    names = [field.name for field in fields(Wave)]
    return Wave(**{name: median(getattr(wave, name) for wave in waves) for name in names})
