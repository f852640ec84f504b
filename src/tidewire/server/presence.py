"""``/api/rooms/{room}/presence``: who is there, and being there without a stream."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.chat.attendance import MAX_PEOPLE
from tidewire.chat.presence import Presence
from tidewire.chat.rooms import room_channel
from tidewire.errors import Conflict
from tidewire.server.access import Access
from tidewire.server.caller import CallerRoute, caller

__all__ = ["presence_router"]


def presence_router(presence: Presence, access: Access) -> APIRouter:
    router = APIRouter(route_class=CallerRoute, tags=["rooms"])

    @router.get("/api/rooms/{room}/presence")
    async def people(request: Request, room: str) -> JSONResponse:
        """Who is there, each person once, those who came first first."""
        await access.reader(request, room)
        found = await presence.people(room_channel(room))
        return JSONResponse({"people": [person._asdict() for person in found]})

    @router.put("/api/rooms/{room}/presence", status_code=204)
    async def renew(request: Request, room: str) -> Response:
        """For clients without a stream: the caller is there for 30 s more."""
        person = await access.reader(request, room)
        if not await presence.renew(room_channel(room), person.user, person.name):
            raise Conflict(f"The room is full: {MAX_PEOPLE} people are there.")
        return Response(status_code=204)

    @router.delete("/api/rooms/{room}/presence", status_code=204)
    async def leave(request: Request, room: str) -> Response:
        """Ends that lease. Who has an open stream of the room is there all the same."""
        await presence.leave(room_channel(room), caller(request).user)
        return Response(status_code=204)

    return router
