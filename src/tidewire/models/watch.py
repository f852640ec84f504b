"""Noticing that an upstream has gone silent, without a timer per read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

__all__ = ["Watch"]


class Watch:
    """Calls ``on_silence`` when a read waits too long.

    Whoever reads sets ``waiting_since``, by the loop's clock; to infinity between reads,
    because a slow reader is not a silent model. One timer per connection re-arms itself
    when it finds that there was life, so a read costs an attribute and no timer.
    """

    def __init__(self, limit_seconds: float, on_silence: Callable[[], None]) -> None:
        self.expired = False
        self.waiting_since = math.inf
        self._limit_seconds = limit_seconds
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(limit_seconds, self._check)

    def shorten(self, limit_seconds: float) -> None:
        if limit_seconds < self._limit_seconds:
            self._limit_seconds = limit_seconds
            self._timer.cancel()
            self._timer = self._loop.call_later(limit_seconds, self._check)

    def stop(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        left = self.waiting_since + self._limit_seconds - self._loop.time()
        if left <= 0:
            self.expired = True
            self._on_silence()
        else:
            self._timer = self._loop.call_later(min(left, self._limit_seconds), self._check)
