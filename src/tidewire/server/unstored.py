"""Answers that whoever asked does not want kept: ``store: false`` of OpenAI's Responses.

While it goes on, such an answer is a run like any other: nothing is delivered that is not
in the log, so a viewer that loses its connection can go on. It can be read again for a
minute or two after its end, by who was told its run; then it is deleted. Its id says what
it is, so that any server of the same log does that, after a crash as well.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tidewire.errors import LogError
from tidewire.log.base import Catalogue, Log, StreamInfo
from tidewire.runs.runs import PREFIX

__all__ = ["UNSTORED", "Unstored"]

UNSTORED = f"{PREFIX}unstored_"
"""The ids of these runs begin with this; those of no others do."""
SWEEP_EVERY_SECONDS = 60.0
PAGE = 100


class Unstored:
    """Deletes what of ``log`` is not to be kept."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._ended: frozenset[str] = frozenset()  # by epoch: a name may be used again

    async def run(self) -> None:
        """Sweeps now and then, until it is cancelled."""
        while True:
            with contextlib.suppress(LogError):  # the log says so itself, and is asked again
                await self.sweep()
            await asyncio.sleep(SWEEP_EVERY_SECONDS)

    async def sweep(self) -> None:
        """Deletes the answers that had ended at the last sweep already. Raises LogError."""
        ended = [stream async for stream in self._streams() if stream.closed]
        for stream in ended:
            if stream.epoch in self._ended:
                await self._log.delete(stream.name)
        self._ended = frozenset(stream.epoch for stream in ended) - self._ended

    async def _streams(self) -> AsyncIterator[StreamInfo]:
        after = ""
        while isinstance(self._log, Catalogue):
            page = await self._log.streams(UNSTORED, after=after, limit=PAGE)
            for stream in page:
                yield stream
            if len(page) < PAGE:
                return
            after = page[-1].name
