"""The lease that this process's runs live under, and the care for those of dead ones.

Whoever finds a run whose owner is dead takes it over and closes it as interrupted: at
the start, and every few seconds. Never stops the server from starting: while the log
cannot be written, it tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets

from tidewire.answers.events import AnswerEvent, RunFailed, decode, encode
from tidewire.answers.open_parts import OpenParts
from tidewire.errors import LogError, LogUnavailable, WireError
from tidewire.log.base import Leases, Log
from tidewire.wire.event import Event

__all__ = ["Lease"]

LEASE_SECONDS = 15.0
_INTERRUPTED = RunFailed("interrupted", "The server stopped in the middle.", retryable=True)

logger = logging.getLogger("tidewire.runs")


class Lease:
    """``owner`` names this process in the log. Without Leases in the log it does nothing."""

    def __init__(self, log: Log) -> None:
        self.owner = secrets.token_hex(8)
        self._log = log
        self._upkeep: asyncio.Task[None] | None = None
        self._seized: dict[str, AnswerEvent] = {}
        """The ends of runs that were taken over and could not be closed yet."""

    async def open(self) -> None:
        """Takes the lease and closes what a dead process left open."""
        if isinstance(self._log, Leases):
            await self._renew(self._log)
            self._upkeep = asyncio.create_task(self._keep(self._log), name="lease")

    async def close(self) -> None:
        if self._upkeep is not None:
            self._upkeep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._upkeep

    async def take_over(self, name: str, end: AnswerEvent) -> None:
        """Closes an open run of another process with ``end``; if it has ended, nothing."""
        if not isinstance(self._log, Leases):
            return
        try:
            fence = await self._log.seize(name, self.owner)
            self._seized[name] = end  # a run of ours is no orphan: nobody else will close it
            closing = await self._open_parts(name)
            events = [Event(event.type, encode(event)) for event in (*closing, end)]
            await self._log.append(name, events, close=True, fence=fence)
        except LogUnavailable:
            raise
        except LogError:  # it has ended, another was quicker, or it is no more
            pass
        self._seized.pop(name, None)

    async def _keep(self, log: Leases) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._renew(log)

    async def _renew(self, log: Leases) -> None:
        try:
            await log.hold(self.owner, LEASE_SECONDS)
            orphans = await log.orphans()
        except LogError as exc:
            logger.error("The lease cannot be renewed: %s", exc)
            return
        ends = {**dict.fromkeys(orphans, _INTERRUPTED), **self._seized}
        for name, end in ends.items():
            try:
                await self.take_over(name, end)
                logger.warning("Closed run %s, whose server is gone", name)
            except LogError as exc:
                logger.error("Run %s cannot be closed: %s", name, exc)

    async def _open_parts(self, name: str) -> list[AnswerEvent]:
        parts = OpenParts()
        after = 0
        while (batch := await self._log.read(name, after)).events:
            for stored in batch.events:
                with contextlib.suppress(WireError):  # damaged: the run must end all the same
                    if (event := decode(*stored)) is not None:
                        parts.see(event)
            after = batch.last
        return parts.closing()
