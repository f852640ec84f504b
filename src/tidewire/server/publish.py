"""``POST /api/channels/{name}``: text, or JSON of one event or many. Called most of all."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tidewire.errors import BadRequest, UnsupportedMediaType
from tidewire.live.channels import MAX_BATCH, Channels
from tidewire.server.access import Access
from tidewire.server.requested import (
    charset,
    check_coding,
    content_type,
    read_json,
    requested_key,
)
from tidewire.server.routes import LeanRoute
from tidewire.wire.event import Event

__all__ = ["publish_router"]


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    """One event as JSON: ``data`` is text, or any JSON, which is sent as its text."""

    data: Any
    event: str = "message"


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


def publish_router(channels: Channels, access: Access) -> APIRouter:
    router = APIRouter(route_class=LeanRoute, tags=["channels"])

    @router.post("/api/channels/{name}", status_code=201, openapi_extra=_published())
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
