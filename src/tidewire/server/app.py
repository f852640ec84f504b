"""The app of ``tidewire serve``: the library's public parts, put together by settings."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from tidewire import __version__
from tidewire.chat.folds import Folds
from tidewire.chat.notifications import NOTIFICATION_RULES, Notifications
from tidewire.chat.people import People
from tidewire.chat.presence import Presence
from tidewire.chat.rooms import Everybody, Rooms
from tidewire.live.channels import ChannelRule, Channels
from tidewire.models.registry import build_all
from tidewire.runs.run import Limits
from tidewire.server.access import Access
from tidewire.server.ag_ui_api import ag_ui_router
from tidewire.server.ai_sdk_api import ai_sdk_router
from tidewire.server.answers import Answers
from tidewire.server.anthropic_api import anthropic_router
from tidewire.server.asking import Chat
from tidewire.server.channels import channels_router
from tidewire.server.chat import chat_router
from tidewire.server.connections import connections_router
from tidewire.server.console import mount_console
from tidewire.server.events import events_router
from tidewire.server.health import health_router
from tidewire.server.hosts import CheckHost
from tidewire.server.interval import interval_router
from tidewire.server.limits import LimitBody, RequireSecret
from tidewire.server.monitor import MONITOR_RULE, Monitor, monitor_router
from tidewire.server.notifications import notifications_router
from tidewire.server.openai_api import openai_router
from tidewire.server.origins import CheckOrigin
from tidewire.server.presence import presence_router
from tidewire.server.publish import publish_router
from tidewire.server.responses_api import responses_router
from tidewire.server.rooms import rooms_router
from tidewire.server.routes import LeanRoute, answer_http_error
from tidewire.server.settings import Settings
from tidewire.server.subscribe import Subscriber
from tidewire.server.tide import Tidewire, open_log
from tidewire.server.unstored import Unstored

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

__all__ = ["create_app"]

EXPOSED = (
    "Location",
    "Retry-After",
    "Tidewire-Cursor",
    "X-Run-Id",
    "X-Session-Id",
    "X-Workflow-Run-Id",
)
"""Headers of answers that a page of another origin may read."""


def create_app(settings: Settings) -> FastAPI:
    """The whole server as an ASGI app. Raises ConfigError."""
    tide = _tide(settings)
    tables = settings.models or {"demo": {"api": "demo"}}
    models = build_all(tables)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with tide.lifespan():
            works = (monitor.run(), presence.run(), Unstored(tide.log).run())
            beside = [asyncio.create_task(work) for work in works]
            yield
            for task in beside:
                task.cancel()
        for model in models.values():
            await model.aclose()

    app = FastAPI(
        title="Tidewire",
        summary="Streams that arrive.",
        version=__version__,
        lifespan=lifespan,
        telemetry=_telemetry(),
        docs_url=None,
        redoc_url=None,
    )
    app.state.tide = tide
    app.add_exception_handler(HTTPException, answer_http_error)
    default = settings.default_model or next(iter(tables))
    apis = {name: str(table["api"]) for name, table in tables.items()}
    _include_answers(app, Answers(tide, models, default, settings.limits), apis)
    rules = [ChannelRule(**table.model_dump()) for table in settings.channels]
    channels = Channels(tide.log, tide.hub, [*rules, MONITOR_RULE, *NOTIFICATION_RULES])
    monitor = Monitor(tide, channels, port=settings.port, disk=settings.data)
    presence = _include_channels(app, tide, channels, monitor.channel)
    _include(app, tide.router, connections_router(tide.hub), health_router(tide))
    # Routes are tried in their order: what is called most comes first.
    app.router.routes.sort(key=lambda route: not isinstance(route, LeanRoute))
    mount_console(app)
    _add_middleware(app, settings)
    return app


def _tide(settings: Settings) -> Tidewire:
    return Tidewire(
        open_log(settings.log_url, synchronous=settings.log.synchronous),
        heartbeat_seconds=settings.heartbeat_seconds,
        keep_seconds=settings.log.keep_seconds,
        drain_seconds=settings.runs.drain_seconds,
        max_connection_seconds=settings.max_connection_seconds,
        limits=Limits(
            max_seconds=settings.runs.max_seconds,
            max_silence_seconds=settings.runs.max_silence_seconds,
            max_bytes=settings.runs.max_bytes,
        ),
    )


def _telemetry() -> TelemetryConfig | None:
    """The framework's own telemetry, where OpenTelemetry's SDK has been loaded to send it or
    is to be. Else it looks for one at every call, which costs a quarter of a publish."""
    if "opentelemetry.sdk" in sys.modules or "FASTAPI_OTEL_AUTO_CONFIGURE" in os.environ:
        return None
    return {"tracing": False, "metrics": False, "logs": False}


def _include(app: FastAPI, *routers: APIRouter) -> None:
    """Adds their routes as the app's own: an included router is matched in many more steps."""
    for router in routers:
        app.router.routes += router.routes


def _include_answers(app: FastAPI, answers: Answers, apis: dict[str, str]) -> None:
    """What asks models, in our words and in those of others."""
    _include(
        app,
        chat_router(Chat(answers, apis)),
        openai_router(answers, apis),
        anthropic_router(answers),
        responses_router(answers),
        ai_sdk_router(answers),
        ag_ui_router(answers),
    )


def _include_channels(app: FastAPI, tide: Tidewire, channels: Channels, monitor: str) -> Presence:
    """Channels, and what people do with them; the presence is to be run."""
    access = Access(Everybody())
    subscriber = Subscriber(tide, channels, access)
    people = Folds(tide.log, People, most=10_000)
    presence = Presence(tide.log, channels, people)
    rooms = Rooms(tide.log, tide.hub, channels, people)
    notifications = Notifications(tide.log, channels)
    _include(
        app,
        publish_router(channels, access),
        channels_router(channels, access, subscriber),
        events_router(tide.hub, channels, access, subscriber),
        rooms_router(channels, rooms, presence, access, subscriber),
        presence_router(presence, access),
        notifications_router(tide, notifications, subscriber),
        monitor_router(monitor, subscriber),
        interval_router(tide, channels),
    )
    return presence


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one added is the outermost."""
    if settings.limits.enabled:
        app.add_middleware(LimitBody, max_bytes=settings.limits.max_body_bytes)
    if secret := settings.auth.secret.get_secret_value():
        app.add_middleware(RequireSecret, secret=secret)
    elif "*" not in settings.allowed_hosts:
        app.add_middleware(CheckHost, allowed=settings.allowed_hosts)
    if "*" not in settings.cors.origins:
        app.add_middleware(CheckOrigin, origins=settings.cors.origins)
    if settings.cors.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors.origins,
            allow_credentials=settings.cors.credentials,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
