"""Runs that do not outlive their viewers: each is stopped some time after the last one left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tidewire.live.hub import Hub

__all__ = ["Lingering"]


class Lingering:
    """``stop`` is called with the id of a run that nobody has come back to."""

    def __init__(self, hub: Hub, stop: Callable[[str], None]) -> None:
        self._hub = hub
        self._stop = stop
        self._seconds: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        hub.on_empty = self._left

    def allow(self, run: str, seconds: float) -> None:
        """``run`` may go on for so long after its last viewer has left."""
        self._seconds[run] = seconds

    def forget(self, run: str) -> None:
        """It has ended."""
        self._seconds.pop(run, None)
        self._cancel(run)

    def _left(self, stream: str) -> None:
        """The hub's word that nobody watches a stream any more."""
        seconds = self._seconds.get(stream)
        if seconds is not None:
            self._cancel(stream)  # somebody was here since: the time begins anew
            loop = asyncio.get_running_loop()
            self._timers[stream] = loop.call_later(seconds, self._stop_if_alone, stream)

    def _stop_if_alone(self, run: str) -> None:
        if not self._hub.audience(run):
            self._stop(run)

    def _cancel(self, run: str) -> None:
        if (timer := self._timers.pop(run, None)) is not None:
            timer.cancel()
