"""``/api/notifications``: tell one person or all, and keep what was read."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.chat.notifications import EVERYONE, USER, Draft, Notifications
from tidewire.live.start import Starts, find_start
from tidewire.server.caller import CallerRoute, caller, check_user
from tidewire.server.requested import requested_cursor, requested_key
from tidewire.server.routes import SSE
from tidewire.server.subscribe import Subscriber
from tidewire.server.tide import Tidewire
from tidewire.wire.cursor import CHANGED

__all__ = ["notifications_router"]

UNREAD = "unread"
_LINK = re.compile(r"(https?://|/$|/[^/\s\\])[^\s\\]*")


class Tell(BaseModel):
    """A notification."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200, pattern=r"\S")
    body: str | None = Field(default=None, max_length=4000)
    link: str | None = Field(
        default=None, max_length=2000, description="http, https, or a path of this site"
    )
    data: Any = Field(default=None, description="any JSON, at most 16 KiB, nested 100 deep at most")

    @field_validator("link")
    @classmethod
    def _leads_somewhere(cls, link: str | None) -> str | None:
        if link is not None and not _LINK.fullmatch(link):
            message = "a link begins with http://, https:// or the / of this site"
            raise PydanticCustomError("link", message)
        return link


class Mark(BaseModel):
    """Which notifications were read."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=1000)
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Mark:
        if self.all == bool(self.ids):
            raise PydanticCustomError("mark", "give either ids, or all: true")
        return self


def notifications_router(
    tide: Tidewire, notifications: Notifications, subscriber: Subscriber
) -> APIRouter:
    router = APIRouter(route_class=CallerRoute, tags=["notifications"])

    @router.post("/api/users/{user}/notifications", status_code=201)
    async def notify(request: Request, user: str, tell: Tell) -> JSONResponse:
        """Tells one person: an event ``notification`` to all tabs and devices, now or when
        they come. The same ``Idempotency-Key`` tells it once."""
        sender, key = caller(request).user, requested_key(request)
        draft = Draft(**tell.model_dump())
        sent = await notifications.notify(check_user(user), draft, sender=sender, key=key)
        return JSONResponse(msgspec.to_builtins(sent), status_code=201)

    @router.post("/api/notifications/broadcast", status_code=201)
    async def broadcast(request: Request, tell: Tell) -> JSONResponse:
        """Tells everybody. The same ``Idempotency-Key`` tells it once."""
        sender, key = caller(request).user, requested_key(request)
        draft = Draft(**tell.model_dump())
        sent = await notifications.broadcast(draft, sender=sender, key=key)
        return JSONResponse(msgspec.to_builtins(sent), status_code=201)

    @router.get("/api/notifications", response_class=Response, responses=SSE)
    async def subscribe(
        request: Request,
        since: Annotated[
            str, Query(alias="from", description="unread, start, now, or how many of the latest")
        ] = UNREAD,
        mode: Annotated[str, Query(description="sse, or poll for long polling")] = "sse",
    ) -> Response:
        """The caller's notifications and everybody's on one connection, with one cursor.

        Without a cursor it begins with what is unread. ``notification.read`` says what was
        read in another tab, and how many are left.
        """
        user = caller(request).user
        cursor = requested_cursor(request)
        if cursor is not None and cursor.endswith(CHANGED):
            return await subscriber.respond(request, [USER + user, EVERYONE], since="now")
        starts = await notifications.starts(user)
        if cursor is not None or since != UNREAD:
            starts = [
                (stream, find_start(stream, cursor=cursor, since=_since(since), prime=True))
                for stream, _ in starts
            ]
        return tide.streams_response(request, Starts(starts), announce=True)

    @router.get("/api/notifications/list")
    async def list_notifications(
        request: Request,
        unread: Annotated[bool, Query(description="only what is unread")] = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> JSONResponse:
        """The latest notifications, newest first, and how many are unread in all.

        With ``cursor`` as ``last_event_id``, a subscription goes on from there.
        """
        listed = await notifications.list(caller(request).user, unread_only=unread, limit=limit)
        return JSONResponse(msgspec.to_builtins(listed))

    @router.post("/api/notifications/read")
    async def read(request: Request, mark: Mark) -> JSONResponse:
        """Marks some or all as read; says how many are unread then. Idempotent."""
        ids = None if mark.all else mark.ids
        return JSONResponse({"unread": await notifications.mark(caller(request).user, ids)})

    return router


def _since(since: str) -> str:
    """With a cursor that names nothing, ``from`` is not asked."""
    return "now" if since == UNREAD else since
