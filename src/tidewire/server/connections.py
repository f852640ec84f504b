"""``/api/connections``: who is connected to this process; and sending one away."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from tidewire.errors import NotFound
from tidewire.live.hub import Hub
from tidewire.server.routes import Route

__all__ = ["connections_router"]

RETRY_MILLISECONDS = 2000


def connections_router(hub: Hub) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["connections"])

    @router.get("/api/connections")
    async def connections() -> JSONResponse:
        """The open connections of this process, oldest first."""
        now = hub.now()
        return JSONResponse(
            {
                "connections": [
                    {
                        "connection": viewer.id,
                        "peer": viewer.about,
                        "dialect": viewer.dialect.name,
                        "streams": [reading.label for reading in viewer.readings],
                        "seconds": round(now - viewer.started_at, 1),
                        "slow": viewer.sink.is_paused,
                    }
                    for viewer in hub.viewers.values()
                ]
            }
        )

    @router.delete("/api/connections/{connection}", status_code=204)
    async def close(connection: str) -> Response:
        """Ends a connection; its client is told when to come back."""
        viewer = hub.viewers.get(connection)
        if viewer is None:
            raise NotFound("There is no such connection here.")
        viewer.dismiss(RETRY_MILLISECONDS)
        return Response(status_code=204)

    return router
