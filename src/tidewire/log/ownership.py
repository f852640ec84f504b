"""Locks that die with their process: how a dead owner is known at once.

One file per owner, locked with flock for as long as the process lives. The kernel
drops the lock with the process, however it ends, so whoever can take the lock knows
that the owner is gone. Where flock does not exist, only the lease's time decides.
"""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["OwnerLocks"]


class OwnerLocks:
    """The lock files in ``folder``, one per owner; ``hold`` and ``release`` our own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

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
