"""How long to wait before trying again: exponential, with full jitter. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Delays in seconds. Only progress – an event that arrived, a connection that lasted –
    starts it over: a server that accepts and drops at once must not be hammered."""

    def __init__(
        self,
        *,
        base_seconds: float = 0.5,
        cap_seconds: float = 30.0,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.attempt = 0
        self._base_seconds = base_seconds
        self.cap_seconds = cap_seconds
        self._random = random

    def next_delay(self, *, at_least_seconds: float = 0.0) -> float:
        """The next delay, never under what the server asked for (bounded by the cap)."""
        ceiling = min(self.cap_seconds, self._base_seconds * 2.0 ** min(self.attempt, 30))
        self.attempt += 1
        return max(min(at_least_seconds, self.cap_seconds), self._random() * ceiling)

    def reset(self) -> None:
        self.attempt = 0
