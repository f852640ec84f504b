"""Who is dead: by a lock that dies with its process, or by a lease that is not renewed.

One file per owner, locked with flock for as long as the process lives. The kernel
drops the lock with the process, however it ends, so whoever can take the lock knows
at once that the owner is gone.

A process that hangs, or was put to sleep, keeps its lock, and its lease runs out. But a
lease can look so that was renewed a moment ago: the wall clock has jumped, or the disk
was full and nobody could renew. So its owner must also have missed his turns since.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["OwnerLocks"]

LOOKS = 3
"""How often a lease must have been seen the same. Who looks has just renewed his own, so
others had their turn between any two looks, and one turn more than it takes."""


class OwnerLocks:
    """The lock files in ``folder``, one per owner; ``hold`` and ``release`` our own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}
        self._seen: dict[str, tuple[float, int]] = {}
        """Until when the lease of each owner runs, and how often it was seen so."""

    def hold(self, owner: str) -> None:
        """Takes the owner's lock. Raises OSError, also if another process has it."""
        if owner in self._held or fcntl is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / owner, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        self._held[owner] = descriptor

    def dead(self, leases: Mapping[str, float], now: float) -> set[str]:
        """The dead of ``leases``, which says until when each owner has one. Counts as a look."""
        self._seen = {owner: self._see(owner, until) for owner, until in leases.items()}
        return {owner for owner in leases if self._is_late(owner, now) or self.is_dead(owner)}

    def _is_late(self, owner: str, now: float) -> bool:
        until, looks = self._seen[owner]
        return until < now and looks >= LOOKS

    def _see(self, owner: str, until: float) -> tuple[float, int]:
        before, looks = self._seen.get(owner, (until, 0))
        return until, looks + 1 if until == before else 1

    def is_dead(self, owner: str) -> bool:
        """True if the owner's process has ended; its file is then removed."""
        if owner in self._held or fcntl is None:
            return False
        path = self._folder / owner
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError:  # not to be known here and now: the lease's time decides
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            path.unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)

    def release(self) -> None:
        for owner, descriptor in self._held.items():
            (self._folder / owner).unlink(missing_ok=True)
            os.close(descriptor)
        self._held.clear()
