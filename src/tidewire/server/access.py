"""Who may do what: with rooms, as their policy says, and with channels by the general calls.

Those leave alone what has a surface of its own. Publishing to a room, a person or the
monitor goes by their own calls, which check what is written; read they may be like any
other, but not by everybody.
"""

from __future__ import annotations

import re
from fnmatch import translate

from starlette.requests import Request

from tidewire.chat.notifications import EVERYONE, USER
from tidewire.chat.rooms import ROOM, RoomPolicy
from tidewire.errors import Forbidden
from tidewire.server.caller import Caller, caller

__all__ = ["INTERVAL", "MONITOR", "Access"]

MONITOR = "monitor:"
"""What the name of a server's monitor begins with."""
INTERVAL = "demo-interval-"
"""What the names of the demo's channels begin with."""
RESERVED = (f"{ROOM}*", f"{USER}*", EVERYONE, f"{MONITOR}*", f"{INTERVAL}*")
_IS_RESERVED = re.compile("|".join(map(translate, RESERVED))).match


class Access:
    """What a caller may do, by the name of the room or the channel."""

    def __init__(self, policy: RoomPolicy) -> None:
        self.policy = policy

    async def reader(self, request: Request, room: str) -> Caller:
        """Who calls. Raises Forbidden if he may not read the room."""
        person = caller(request)
        if not await self.policy.may_read(person.user, room):
            raise Forbidden("You may not read this room.")
        return person

    async def writer(self, request: Request, room: str) -> Caller:
        """Who calls. Raises Forbidden if he may not write in the room."""
        person = caller(request)
        if not await self.policy.may_post(person.user, room):
            raise Forbidden("You may not write in this room.")
        return person

    def check_write(self, name: str) -> None:
        """Raises Forbidden for a channel that may not be published to or deleted."""
        if _IS_RESERVED(name):
            raise Forbidden(f"The channel '{name}' is the server's own; it has other calls.")

    async def check_read(self, request: Request, name: str) -> None:
        """Raises Forbidden for what another person or a closed room is told."""
        if not await self.may_read(request, name):
            raise Forbidden(f"You may not read the channel '{name}'.")

    async def may_read(self, request: Request, name: str) -> bool:
        if name.startswith(USER):
            return name == USER + caller(request).user
        if name.startswith(ROOM):
            return await self.policy.may_read(caller(request).user, name.removeprefix(ROOM))
        return True
