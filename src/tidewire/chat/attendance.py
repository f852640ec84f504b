"""Attendance: who is in one room by the word of this process. Pure: time is passed in.

Somebody is here while he has a connection or a lease, however many of them: tabs count
once. Who loses the last one stays for GRACE_SECONDS more, so a reload is no leave.
"""

from __future__ import annotations

import math

__all__ = ["GRACE_SECONDS", "LEASE_SECONDS", "MAX_PEOPLE", "Attendance"]

GRACE_SECONDS = 5.0
LEASE_SECONDS = 30.0
MAX_PEOPLE = 1000
"""So many are counted here; who comes after reads and writes, but is not listed."""


class _Guest:
    __slots__ = ("connections", "name", "until")

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.until = -math.inf

    @property
    def ends_at(self) -> float:
        return math.inf if self.connections else self.until


class Attendance:
    """The people of one room. Times are seconds of any clock that goes forward."""

    def __init__(self) -> None:
        self._guests: dict[str, _Guest] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def connect(self, user: str, name: str) -> bool:
        """One more connection; False if the room is full."""
        guest = self._guest(user, name)
        if guest is not None:
            guest.connections += 1
        return guest is not None

    def disconnect(self, user: str, now: float) -> None:
        """The end of what ``connect`` began."""
        guest = self._guests[user]
        guest.connections -= 1
        guest.until = max(guest.until, now + GRACE_SECONDS)

    def renew(self, user: str, name: str, now: float) -> bool:
        """A lease, for who has no connection that could be watched; False if full."""
        guest = self._guest(user, name)
        if guest is not None:
            guest.until = max(guest.until, now + LEASE_SECONDS)
        return guest is not None

    def leave(self, user: str) -> None:
        """Gives lease and grace back; connections count on."""
        if user in self._guests:
            self._guests[user].until = -math.inf

    def here(self, now: float) -> dict[str, str]:
        """Names by user, of all who are here; who is not any more is forgotten."""
        self._guests = {u: guest for u, guest in self._guests.items() if guest.ends_at > now}
        return {user: guest.name for user, guest in self._guests.items()}

    @property
    def changes_at(self) -> float:
        """When somebody will be gone if nothing happens."""
        return min((guest.ends_at for guest in self._guests.values()), default=math.inf)

    def _guest(self, user: str, name: str) -> _Guest | None:
        guest = self._guests.get(user)
        if guest is None and len(self._guests) < MAX_PEOPLE:
            guest = self._guests[user] = _Guest(name)
        return guest
