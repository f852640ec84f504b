"""``/api/events``: many channels on one connection, which can be changed while it is open."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.errors import NotFound
from tidewire.live.channels import Channels
from tidewire.live.hub import Hub
from tidewire.live.readings import MAX_STREAMS
from tidewire.live.start import find_start
from tidewire.live.subscription import Subscription
from tidewire.server.access import Access
from tidewire.server.routes import SSE, Route
from tidewire.server.subscribe import Subscriber

__all__ = ["events_router"]


class Change(BaseModel):
    """What ``PATCH /api/events/{connection}`` changes."""

    model_config = ConfigDict(extra="forbid")

    add: list[str] = Field(default=[], max_length=MAX_STREAMS)
    remove: list[str] = Field(default=[], max_length=MAX_STREAMS)


def events_router(
    hub: Hub, channels: Channels, access: Access, subscriber: Subscriber
) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["channels"])

    @router.get("/api/events", response_class=Response, responses=SSE)
    async def events(
        request: Request,
        channel: Annotated[list[str], Query(max_length=MAX_STREAMS)] = [],  # noqa: B006
        since: Annotated[str, Query(alias="from")] = "now",
        mode: Annotated[str, Query(description="sse, or poll for long polling")] = "sse",
    ) -> Response:
        """Many channels on one connection, with one cursor.

        The first event, ``stream.open``, has the connection's id and says where each
        channel stands; of an event's id, the first position is its own channel's.
        """
        return await subscriber.respond(request, list(dict.fromkeys(channel)), since=since)

    @router.patch("/api/events/{connection}")
    async def change(request: Request, connection: str, wanted: Change) -> JSONResponse:
        """Adds and removes channels while the connection is open; no event is lost.

        What is added begins now. Says how things stand, as ``stream.open`` does there.
        """
        _connected(connection)
        for name in wanted.add:
            await access.check_read(request, name)
        added = await asyncio.gather(*map(channels.open, dict.fromkeys(wanted.add)))
        more = [(stream, find_start(stream, since="now")) for stream in added]
        viewer = _connected(connection)
        viewer.change(add=more, remove=set(wanted.remove))
        places = msgspec.to_builtins(viewer.readings.places())
        return JSONResponse({"cursor": viewer.readings.cursor(), "streams": places})

    def _connected(connection: str) -> Subscription:
        viewer = hub.viewers.get(connection)
        if viewer is None or viewer.is_over:
            raise NotFound("There is no such connection here.")
        return viewer

    return router
