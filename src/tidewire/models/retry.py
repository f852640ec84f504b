"""Whether to ask a model API once more, and after which pause. Pure.

Only an answer of which nothing was heard may be asked for again, so the caller decides
whether to ask here at all. A time-out is not tried again: whoever waited that long has
waited long enough.
"""

from __future__ import annotations

import random

from tidewire.errors import ModelError, UpstreamTimeout

__all__ = ["Retries"]

_FIRST_PAUSE_SECONDS = 0.5
# A refusal is to reach the caller as an HTTP status, which is held back for two seconds.
_PATIENCE_SECONDS = 1.5


class Retries:
    """The attempts of one answer, at most ``limit`` after the first."""

    def __init__(self, limit: int, rng: random.Random) -> None:
        self._left = limit
        self._rng = rng
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._patience_seconds = _PATIENCE_SECONDS

    def pause_seconds(self, error: ModelError) -> float | None:
        """How long to wait before the next attempt; None if ``error`` is to stand.

        What ``Retry-After`` asks for, or half to the whole of a pause that doubles. Where
        all pauses together would be longer than 1.5 seconds, the caller is told instead
        of kept waiting.
        """
        if not self._left or not error.retryable or isinstance(error, UpstreamTimeout):
            return None
        pause = self._pause_seconds * self._rng.uniform(0.5, 1.0)
        pause = max(pause, error.retry_after_seconds or 0.0)
        if pause > self._patience_seconds:
            return None
        self._left -= 1
        self._patience_seconds -= pause
        self._pause_seconds *= 2
        return pause
