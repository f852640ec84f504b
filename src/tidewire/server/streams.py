"""``/api/streams/{id}`` and ``/api/runs/{id}/stop``: subscribe, resume, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewire.errors import NotFound
from tidewire.runs.runs import PREFIX
from tidewire.server.routes import ANSWER, Route

if TYPE_CHECKING:
    from tidewire.server.tide import Tidewire

__all__ = ["streams_router"]

StreamId = Annotated[str, Path(max_length=255, pattern=r"^[!-~]+$")]


def streams_router(tide: Tidewire) -> APIRouter:
    """The routes that every app with resumable streams needs."""
    router = APIRouter(route_class=Route, tags=["streams"])

    @router.get("/api/streams/{id}", response_class=Response, responses=ANSWER)
    async def subscribe(
        request: Request,
        id: StreamId,
        since: Annotated[
            str, Query(alias="from", description="start, now, or the number of latest events")
        ] = "start",
        dialect: Annotated[str, Query(description="How events are written")] = "native",
        last_event_id: Annotated[str, Query(description="Cursor, if no header can be set")] = "",
    ) -> Response:
        """Reads a stream from its start or from a cursor, then goes on live.

        204 when the cursor is at the end of a closed stream: stop asking.
        """
        return tide.stream_response(request, await tide.log.info(id))

    @router.post("/api/runs/{id}/stop")
    async def stop(id: StreamId) -> JSONResponse:
        """Stops a run, wherever it lives. What it said is kept. Idempotent."""
        stream = await tide.runs.stop(id)
        return JSONResponse({"run": stream.name, "closed": stream.closed})

    @router.get("/api/runs/{id}")
    async def run(id: StreamId) -> JSONResponse:
        """What is known of a run: whether it goes on, and how far it is."""
        if not id.startswith(PREFIX):
            raise NotFound("There is no such run.")
        stream = await tide.log.info(id)
        place = {"closed": stream.closed, "first": stream.first, "head": stream.head}
        return JSONResponse({"run": stream.name, **place})

    return router
