"""``/api/channels`` and ``/api/events``: publish, subscribe, many channels at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.errors import BadRequest, NotFound, UnsupportedMediaType
from tidewire.live.channels import MAX_BATCH, Channels
from tidewire.live.readings import MAX_STREAMS
from tidewire.live.start import find_start
from tidewire.live.subscription import Subscription
from tidewire.log.base import CHANNEL, StreamInfo
from tidewire.server.access import Access
from tidewire.server.requested import (
    charset,
    check_coding,
    content_type,
    read_json,
    requested_key,
)
from tidewire.server.routes import SSE, LeanRoute, Route
from tidewire.server.subscribe import Subscriber
from tidewire.server.tide import Tidewire
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event

__all__ = ["channels_router"]


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    """One event as JSON: ``data`` is text, or any JSON, which is sent as its text."""

    data: Any
    event: str = "message"


class Change(BaseModel):
    """What ``PATCH /api/events/{connection}`` changes."""

    model_config = ConfigDict(extra="forbid")

    add: list[str] = Field(default=[], max_length=MAX_STREAMS)
    remove: list[str] = Field(default=[], max_length=MAX_STREAMS)


def _published() -> dict[str, Any]:
    """The body of a publish, for the API page: its route reads it for itself."""
    _, schemas = msgspec.json.schema_components([Publish])
    one = schemas["Publish"]
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_BATCH}
    content: dict[str, Any] = {
        "text/plain": {"schema": {"type": "string"}},
        "application/json": {"schema": {"anyOf": [one, many]}},
    }
    return {"requestBody": {"required": True, "content": content}}


def channels_router(
    tide: Tidewire, channels: Channels, access: Access, subscriber: Subscriber
) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["channels"])

    async def publish(
        request: Request,
        name: str,
        event: Annotated[str, Query(description="Type of a text/plain event")] = "message",
    ) -> Response:
        """Publishes: a ``text/plain`` body is one event's data; JSON is one event
        ``{"event"?, "data"}`` or an array of them, stored all or none.

        The same ``Idempotency-Key`` publishes once.
        """
        access.check_write(name)
        key = requested_key(request)
        cursor = await channels.publish(name, await _events(request), key=key)
        content = msgspec.json.encode({"cursor": cursor})
        return Response(content, status_code=201, media_type="application/json")

    router.add_api_route(
        "/api/channels/{name}",
        publish,
        methods=["POST"],
        status_code=201,
        openapi_extra=_published(),
        route_class_override=LeanRoute,
    )

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
        viewer = tide.hub.viewers.get(connection)
        if viewer is None or viewer.is_over:
            raise NotFound("There is no such connection here.")
        return viewer

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


async def _events(request: Request) -> list[Event]:
    kind = content_type(request)
    if kind in ("text/plain", ""):
        if charset(request) not in ("utf-8", "us-ascii"):
            raise UnsupportedMediaType("Publish text in UTF-8.")
        check_coding(request)
        try:
            return [Event(_type(request), (await request.body()).decode())]
        except UnicodeDecodeError:
            raise BadRequest("The body is not UTF-8.") from None
    if kind != "application/json":
        raise UnsupportedMediaType("Publish text/plain or application/json.")
    body = (await request.body()).lstrip()
    one_or_many = await read_json(request, list[Publish] if body[:1] == b"[" else Publish)
    published = one_or_many if isinstance(one_or_many, list) else [one_or_many]
    return [Event(item.event, _text(item.data)) for item in published]


def _type(request: Request) -> str:
    if not request.scope["query_string"]:  # the usual case: reading none is not for free
        return "message"
    return request.query_params.get("event", "message")


def _text(data: Any) -> str:
    return data if isinstance(data, str) else msgspec.json.encode(data).decode()
