"""``/api/channels``: subscribe to one, list and delete them. publish.py has the way in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.live.channels import Channels
from tidewire.log.base import CHANNEL, StreamInfo
from tidewire.server.access import Access
from tidewire.server.routes import SSE, Route
from tidewire.server.subscribe import Subscriber
from tidewire.wire.cursor import Position

__all__ = ["channels_router"]


def channels_router(channels: Channels, access: Access, subscriber: Subscriber) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["channels"])

    @router.get("/api/channels/{name}", response_class=Response, responses=SSE)
    async def subscribe(
        request: Request,
        name: str,
        since: Annotated[str, Query(alias="from")] = "now",
        mode: Annotated[str, Query(description="sse, or poll for long polling")] = "sse",
    ) -> Response:
        """Subscribes to one channel, which is made if it does not exist."""
        return await subscriber.respond(request, [name], since=since)

    @router.head("/api/channels/{name}")
    @router.get("/api/channels/{name}/info")
    async def info(request: Request, name: str) -> JSONResponse:
        """What a channel holds, and how many watch it here."""
        await access.check_read(request, name)
        fields = _describe(await channels.info(name))
        return JSONResponse(fields, headers={"Tidewire-Cursor": fields["cursor"]})

    @router.get("/api/channels")
    async def list_channels(
        request: Request,
        prefix: Annotated[str, Query(max_length=200)] = "",
        after: Annotated[str, Query(max_length=200, description="'next' of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> JSONResponse:
        """The channels there are, by name, a page at a time."""
        found = await channels.list(prefix, after=after, limit=limit)
        described = [_describe(stream) for stream in found]
        following = described[-1]["channel"] if len(found) == limit else None
        described = [d for d in described if await access.may_read(request, d["channel"])]
        return JSONResponse({"channels": described, "next": following})

    @router.delete("/api/channels/{name}", status_code=204)
    async def delete(name: str) -> Response:
        """Removes a channel and what it holds. Idempotent."""
        access.check_write(name)
        await channels.delete(name)
        return Response(status_code=204)

    def _describe(stream: StreamInfo) -> dict[str, Any]:
        name = stream.name.removeprefix(CHANNEL)
        return {
            "channel": name,
            "cursor": str(Position(stream.epoch, stream.head)),
            "first": stream.first,
            "head": stream.head,
            "viewers": channels.audience(name),
        }

    return router
