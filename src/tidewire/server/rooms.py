"""``/api/rooms``: read and write. A room's stream is that of its channel."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.chat.presence import Presence
from tidewire.chat.rooms import Rooms, room_channel
from tidewire.live.channels import Channels
from tidewire.live.sinks import EXTENSION
from tidewire.server.access import Access
from tidewire.server.caller import CallerRoute, caller
from tidewire.server.requested import requested_key
from tidewire.server.routes import SSE
from tidewire.server.subscribe import Subscriber

__all__ = ["rooms_router"]

SILENT_SECONDS = 6.0
"""Who acknowledges nothing for so long is cut off: after the heartbeat of 15 s and with the
grace of 5 s, the dead are gone within 30 s."""


class Say(BaseModel):
    """A message."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=8000, pattern=r"\S")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="comes back in the event"
    )


def rooms_router(
    channels: Channels,
    rooms: Rooms,
    presence: Presence,
    access: Access,
    subscriber: Subscriber,
) -> APIRouter:
    router = APIRouter(route_class=CallerRoute, tags=["rooms"])

    @router.get("/api/rooms")
    async def list_rooms(
        request: Request,
        after: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> JSONResponse:
        """The rooms that the caller may read, by name; ``after`` asks for the next ones."""
        user = caller(request).user
        names = await rooms.names(after=after, limit=limit)
        shown = [
            {"room": name, "viewers": channels.audience(room_channel(name))}
            for name in names
            if await access.policy.may_read(user, name)
        ]
        return JSONResponse({"rooms": shown, "after": names[-1] if len(names) == limit else None})

    @router.get("/api/rooms/{room}", response_class=Response, responses=SSE)
    async def enter(
        request: Request,
        room: str,
        since: Annotated[str, Query(alias="from")] = "50",
        mode: Annotated[str, Query(description="sse, or poll for long polling")] = "sse",
    ) -> Response:
        """Subscribes, beginning with the latest 50 events; whoever is subscribed is there.

        A poll is a lease of 30 s, too, until the next one. The room is made if it does not exist.
        """
        person, channel = await access.reader(request, room), room_channel(room)
        visit = presence.visit(channel, person.user, person.name)
        if mode == "poll":
            await presence.renew(channel, person.user, person.name)
        else:
            _drop_when_silent(request)
        return await subscriber.respond(request, [channel], since=since, visit=visit)

    @router.post("/api/rooms/{room}/messages", status_code=201)
    async def post(request: Request, room: str, say: Say) -> JSONResponse:
        """Says something: an event ``room.message``. The same ``Idempotency-Key`` says it once."""
        person = await access.writer(request, room)
        posted = await rooms.post(
            room,
            person.user,
            person.name,
            say.text,
            client_id=say.client_id,
            key=requested_key(request),
        )
        return JSONResponse(msgspec.to_builtins(posted), status_code=201)

    @router.get("/api/rooms/{room}/messages")
    async def history(
        request: Request,
        room: str,
        before: Annotated[str | None, Query(description="from the answer before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> JSONResponse:
        """The latest messages in their order, and ``before`` for those before them.

        With ``cursor`` as ``last_event_id``, a subscription goes on from there.
        """
        await access.reader(request, room)
        page = await rooms.history(room, before=before, limit=limit)
        return JSONResponse(msgspec.to_builtins(page))

    @router.delete("/api/rooms/{room}/messages/{id}", status_code=204)
    async def delete(request: Request, room: str, id: str) -> Response:
        """Takes a message back: one's own, or for moderators any. An event ``room.deleted``.

        Idempotent.
        """
        moderates = await access.policy.may_moderate(caller(request).user, room)
        person = caller(request) if moderates else await access.writer(request, room)
        await rooms.delete(room, id, person.user, only_own=not moderates)
        return Response(status_code=204)

    @router.post("/api/rooms/{room}/typing", status_code=204)
    async def typing(request: Request, room: str) -> Response:
        """Tells those who look at the room now that the caller is typing: ``room.typing``,
        an event without an id, that is stored nowhere."""
        person = await access.writer(request, room)
        rooms.hint(room, person.user, person.name)
        return Response(status_code=204)

    return router


def _drop_when_silent(request: Request) -> None:
    if (offer := request.scope.get("extensions", {}).get(EXTENSION)) is not None:
        offer["transport"].limit_unacknowledged(SILENT_SECONDS)
