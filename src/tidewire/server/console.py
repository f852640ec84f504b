"""The web console: static files that were built into the package, and the API page."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tidewire.server.refusals import route_path

__all__ = ["mount_console"]

FOLDER = Path(__file__).parent / "console"

# Everything comes from this server; generated pages run in sandboxed frames only.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)

# The stage for a page that a model has written: its scripts run, without an origin and
# without the network, and only inside the console.
STAGE = "preview.html"
STAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "frame-ancestors 'self'"
)

_MISSING = """<!doctype html><meta charset="utf-8"><title>Tidewire</title>
<h1>Tidewire is running</h1><p>The console was not built into this installation
(<code>make setup</code> builds it). The API works: see <a href="/openapi.json">openapi.json</a>.
"""


class _Files(StaticFiles):
    """Hashed assets may be kept for ever, pages never."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable"
        response.headers["Cache-Control"] = kept if path.startswith("assets/") else "no-cache"
        response.headers["Content-Security-Policy"] = STAGE_POLICY if path == STAGE else POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response


class _Console(Mount):
    """Everything that is not the API's: a path there that no route serves is no missing file."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if (route_path(scope) + "/").startswith(("/api/", "/v1/")):
            return Match.NONE, {}
        return super().matches(scope)


def mount_console(app: FastAPI) -> None:
    """Serves the console at ``/`` and the API page at ``/docs``, if they were built."""
    if not (FOLDER / "index.html").exists():

        @app.get("/", include_in_schema=False)
        async def missing() -> HTMLResponse:
            return HTMLResponse(_MISSING)

        return

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        page = FOLDER / "docs.html"
        if not page.exists():
            raise HTTPException(404)
        return FileResponse(page, headers={"Content-Security-Policy": POLICY})

    app.routes.append(_Console("/", _Files(directory=FOLDER, html=True), name="console"))
