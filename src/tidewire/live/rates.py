"""How often something may happen, by name: a count per window of time, and nothing else.

On the path of every publish, so it is two dictionary steps; the storage of a rate
limiting library starts a thread for it (bench/fanout).
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Rates"]


class Rates:
    """Each name has windows of its own, the first of which begins with its first call."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, window_seconds: float = 1.0
    ) -> None:
        self._window_seconds = window_seconds
        self._now = now
        self._windows: dict[str, tuple[float, int]] = {}
        """When it began and how many there were; who was asked for last is last."""

    def allows(self, name: str, limit: int) -> bool:
        """Counts one more; False if that is more than ``limit`` in this window."""
        now = self._now()
        began, count = self._windows.pop(name, (now, 0))
        if now - began >= self._window_seconds:
            began, count = now, 0
        self._windows[name] = began, count + 1
        self._forget_one(now)
        return count < limit

    def _forget_one(self, now: float) -> None:
        """Every call adds at most one name and removes one that is over, if there is one."""
        oldest = next(iter(self._windows))
        if now - self._windows[oldest][0] >= self._window_seconds:
            del self._windows[oldest]
