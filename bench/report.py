"""What a bench tells: the machine, a table, the bars, and the same as JSON.

Its rule: every figure stands beside what it was measured on and what it must be. A missed
bar is the exit code, so that a bench can be a check.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Bar", "machine", "table", "tell", "verdicts"]


@dataclass(frozen=True)
class Bar:
    """A promise: `value` is at most `limit`, both in `unit`."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def held(self) -> bool:
        return self.value <= self.limit


def machine() -> dict[str, str]:
    """The facts without which a figure says nothing."""
    return {
        "cpu": f"{_cpu_model()}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first flush left, the others right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        ).rstrip()
        for line in lines
    )


def tell(
    facts: dict[str, str],
    figures: str,
    bars: Sequence[Bar],
    raw: dict[str, Any],
    json_file: Path | None,
) -> int:
    """Prints everything, writes `raw` as JSON if asked to, and returns the exit code."""
    print("\n".join(f"{name}: {fact}" for name, fact in facts.items()), end="\n\n")
    print(figures, end="\n\n")
    if bars:
        print(verdicts(bars))
    if json_file is not None:
        whole = {"machine": facts, "bars": [asdict(bar) for bar in bars], **raw}
        json_file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    return 0 if all(bar.held for bar in bars) else 1


def verdicts(bars: Sequence[Bar]) -> str:
    """What was promised, what was found, and whether it held."""
    return table(["bar", "measured", "at most", ""], [_bar_row(bar) for bar in bars])


def _bar_row(bar: Bar) -> list[str]:
    verdict = "held" if bar.held else "MISSED"
    return [bar.name, f"{bar.value:.3g} {bar.unit}", f"{bar.limit:.3g} {bar.unit}", verdict]
