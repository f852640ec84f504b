"""Presence: who is in which room, told to the room when it changes.

The truth is the room's stream: a process compares who is here by its own word
(chat/attendance.py) with what the stream says, and appends what is missing. That settles
everything alike: somebody came, left, left elsewhere, or his server died. The word of a
server counts only while it says that it is alive; so after a crash nobody stays for ever.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from tidewire.chat.attendance import Attendance
from tidewire.chat.folds import Folds
from tidewire.chat.people import Joined, Left, People, Present, RoomEvent, Stay, write
from tidewire.errors import TidewireError
from tidewire.live.base import Visit
from tidewire.live.channels import Channels, channel_stream
from tidewire.log.base import Log, Retention
from tidewire.wire.event import Event

__all__ = ["Person", "Presence"]

ALIVE_SECONDS = 10.0
SAY_ALIVE_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 30.0
TICK_SECONDS = 1.0
SERVERS = "presence/servers"

logger = logging.getLogger("tidewire.presence")


class Person(NamedTuple):
    user: str
    name: str
    since: float


class _Alive(msgspec.Struct, frozen=True):
    """A server's word that it is alive, in the stream SERVERS."""

    server: str
    at: float


class _Servers:
    """The fold of SERVERS: when each server spoke last, and at which offset."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, float]] = {}

    def apply(self, offset: int, event: Event) -> None:
        alive = msgspec.json.decode(event.data, type=_Alive)
        self._said[alive.server] = (offset, alive.at)

    def forget(self, first: int) -> None:
        self._said = {server: said for server, said in self._said.items() if said[0] >= first}

    def since(self, moment: float) -> set[str]:
        return {server for server, (_, at) in self._said.items() if at > moment}


class _Room:
    """A room in which somebody is by the word of this process, or of a dead one."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.attendance = Attendance()
        self.settles_at = 0.0
        self.is_empty = False  # when it was settled last
        self.lock = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """Nobody is in it or looks into it. Who waits for the lock still needs this room."""
        return self.is_empty and not len(self.attendance) and not self.lock.locked()


class _Connection:
    """Somebody's connection to a room."""

    def __init__(self, presence: Presence, room: str, user: str, name: str) -> None:
        self.stream = channel_stream(room)
        self._presence = presence
        self._place = (room, user)
        self._name = name
        self._counts = False

    def begin(self) -> None:
        self._counts = self._presence.connect(*self._place, self._name)

    def end(self) -> None:
        if self._counts:
            self._presence.disconnect(*self._place)


class Presence:
    """The presence of all rooms, ``run`` as a task. ``clock`` gives seconds since 1970.

    ``room`` is everywhere the name of a room's channel.
    """

    def __init__(
        self,
        log: Log,
        channels: Channels,
        folds: Folds[People],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._channels = channels
        self._folds = folds
        self._servers = Folds(log, _Servers)
        self._server = secrets.token_hex(4)
        self._said_alive_at = -math.inf
        self._saying = asyncio.Lock()
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._wake = asyncio.Event()

    def visit(self, room: str, user: str, name: str) -> Visit:
        """Has somebody be there for as long as a viewer reads the room (live/base.py)."""
        return _Connection(self, room, user, name)

    def connect(self, room: str, user: str, name: str) -> bool:
        """One more connection of somebody; False if the room is full."""
        if not self._room(room).attendance.connect(user, name):
            return False
        self._look(room, at=0.0)
        return True

    def disconnect(self, room: str, user: str) -> None:
        """The end of what ``connect`` began."""
        attendance = self._room(room).attendance
        attendance.disconnect(user, self._clock())
        self._look(room, at=attendance.changes_at)

    async def renew(self, room: str, user: str, name: str) -> bool:
        """Somebody is there for LEASE_SECONDS more; False if the room is full.

        Raises LogUnavailable.
        """
        counts = self._room(room).attendance.renew(user, name, self._clock())
        await self._settle(self._room(room))
        return counts

    async def leave(self, room: str, user: str) -> None:
        """Gives a lease back, at once. Raises LogUnavailable."""
        self._room(room).attendance.leave(user)
        await self._settle(self._room(room))

    async def people(self, room: str) -> list[Person]:
        """Who is there, by any server's word, those who came first first."""
        await self._settle(self._room(room))
        stays = (await self._folds.get(channel_stream(room))).state.stays
        found = [Person(user, stay.name, stay.since) for user, stay in stays.items()]
        return sorted(found, key=lambda person: person.since)

    async def run(self) -> None:
        """Settles rooms when it is time; cancel it to stop."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_SECONDS)
            self._wake.clear()
            await self.tick()

    async def tick(self) -> None:
        """Says that this process is alive, and settles every room whose time has come."""
        now = self._clock()
        self._rooms = {name: room for name, room in self._rooms.items() if not room.is_idle}
        due = [room for room in self._rooms.values() if room.settles_at <= now]
        try:
            if self._rooms:
                await self._say_alive()
        except TidewireError as exc:
            logger.warning("Who is in the rooms cannot be said: %s", exc)
            return
        await asyncio.gather(*map(self._try_to_settle, due))

    async def _try_to_settle(self, room: _Room) -> None:
        try:
            await self._settle(room)
        except TidewireError as exc:  # the log is away, or the room too busy: in a moment
            logger.info("Who is in %s cannot be said yet: %s", room.channel, exc)
            room.settles_at = self._clock() + TICK_SECONDS

    async def _settle(self, room: _Room) -> None:
        """Appends to the room's stream until it says who is here."""
        async with room.lock:
            while True:
                room.settles_at = self._clock() + LOOK_AGAIN_SECONDS
                missing = await self._missing(room)
                if not missing:
                    break
                await self._say_alive()
                await asyncio.gather(*(self._tell(room, event, key) for event, key in missing))
        room.settles_at = min(room.settles_at, room.attendance.changes_at)

    async def _tell(self, room: _Room, event: RoomEvent, key: str | None) -> None:
        await self._channels.publish(room.channel, [write(event)], key=key, is_own=True)

    async def _missing(self, room: _Room) -> list[tuple[RoomEvent, str | None]]:
        """What the stream does not say yet, each with the key under which it counts once."""
        told = (await self._folds.get(channel_stream(room.channel))).state
        stays = told.stays
        servers = {server for stay in stays.values() for server in stay.servers}
        alive = await self._alive() if servers - {self._server} else set()
        here = room.attendance.here(self._clock())
        if servers - {self._server}:
            room.settles_at = self._clock() + SAY_ALIVE_SECONDS
        room.is_empty = not here and not stays
        came = [self._came(user, name, told) for user, name in here.items()]
        went = [self._went(u, stay, alive) for u, stay in stays.items() if u not in here]
        return [change for change in (*came, *went) if change is not None]

    def _came(self, user: str, name: str, told: People) -> tuple[RoomEvent, str | None] | None:
        """Who comes to two servers at the same moment comes once."""
        stay = told.stays.get(user)
        if stay is None:
            joined = Joined(user, name, self._clock(), self._server)
            return joined, f"joined {user} {told.left.get(user, 0)}"
        if self._server not in stay.servers:
            return Present(user, self._server, here=True), None
        return None

    def _went(self, user: str, stay: Stay, alive: set[str]) -> tuple[RoomEvent, str | None] | None:
        """Who is not here is gone unless a server that is alive has him."""
        if not stay.servers & (alive - {self._server}):
            return Left(user, stay.name, self._clock()), f"left {user} {stay.offset}"
        if self._server in stay.servers:
            return Present(user, self._server, here=False), None
        return None

    # Who is alive

    async def _say_alive(self) -> None:
        """Says so every few seconds while this process has somebody in a room."""
        async with self._saying:
            now = self._clock()
            if now - self._said_alive_at < SAY_ALIVE_SECONDS:
                return
            data = msgspec.json.encode(_Alive(self._server, now)).decode()
            await self._log.create(SERVERS, retention=Retention(max_events=1000))
            await self._log.append(SERVERS, [Event("alive", data)])
            self._said_alive_at = now

    async def _alive(self) -> set[str]:
        return (await self._servers.get(SERVERS)).state.since(self._clock() - ALIVE_SECONDS)

    # Rooms

    def _room(self, channel: str) -> _Room:
        room = self._rooms.get(channel)
        if room is None:
            room = self._rooms[channel] = _Room(channel)
        return room

    def _look(self, channel: str, *, at: float) -> None:
        room = self._rooms[channel]
        room.settles_at = min(room.settles_at, at)
        if at <= self._clock():
            self._wake.set()
