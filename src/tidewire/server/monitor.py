"""``/api/monitor``: figures of the machine and of the hub, every few seconds.

A channel like any other, one for each server. One sampler publishes to it, however many
watch, and rests while nobody does. Who comes late gets the last hour that was sampled.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import msgspec
import psutil
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tidewire.errors import TidewireError
from tidewire.live.channels import ChannelRule, Channels
from tidewire.server.access import MONITOR
from tidewire.server.routes import SSE, Route
from tidewire.server.subscribe import Subscriber
from tidewire.server.tide import Tidewire
from tidewire.wire.event import Event

__all__ = ["MONITOR_RULE", "Monitor", "Sample", "monitor_router"]

EVERY_SECONDS = 2.0
MONITOR_RULE = ChannelRule(f"{MONITOR}*", max_events=1800, max_age_seconds=3600.0)

logger = logging.getLogger("tidewire.monitor")


class Sample(msgspec.Struct, frozen=True):
    """One moment. Rates are per second since the sample before, sizes in bytes;
    ``slow_viewers`` are those whose socket is full right now.

    ``first_token_p50_seconds`` and ``…_p95_…`` are of the latest 200 answers; null
    until there were some.
    """

    at: float
    cpu_percent: float
    memory_used: int
    memory_total: int
    disk_used: int
    disk_total: int
    network_sent_rate: float
    network_received_rate: float
    process_cpu_percent: float
    process_memory: int
    connections: int
    streams: int
    runs: int
    events_rate: float
    deliveries_rate: float
    delivered_bytes_rate: float
    slow_viewers: int
    first_token_p50_seconds: float | None
    first_token_p95_seconds: float | None


class _Counters(NamedTuple):
    """What only ever grows; ``at`` is the monotonic clock."""

    at: float
    sent: float
    received: float
    events: float
    deliveries: float
    delivered_bytes: float

    def rates_since(self, before: _Counters) -> _Counters:
        """How much each has grown a second."""
        seconds = max(self.at - before.at, 0.001)
        return _Counters(*((b - a) / seconds for a, b in zip(before, self, strict=True)))


class Monitor:
    """The sampler. ``run`` it as a task. ``port``: what tells this server from others that
    share its log, as it is the same after a restart; 0, which is any: the process does."""

    def __init__(self, tide: Tidewire, channels: Channels, *, port: int, disk: Path) -> None:
        self.channel = f"{MONITOR}{port or os.getpid()}"
        self._tide = tide
        self._channels = channels
        folders = (disk.absolute(), *disk.absolute().parents)
        self._disk = next(folder for folder in folders if folder.exists())
        self._process = psutil.Process()
        self._process.cpu_percent()  # since the call before: of the first one psutil says 0
        self._before = self._count()

    async def run(self) -> None:
        """Samples while somebody watches; cancel it to stop."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self._channels.audience(self.channel):
                await self.publish()

    async def publish(self) -> None:
        try:
            data = msgspec.json.encode(self.sample()).decode()
            await self._channels.publish(self.channel, [Event("sample", data)])
        except (OSError, psutil.Error, TidewireError) as exc:
            logger.warning("A sample was not published: %s", exc)

    def sample(self) -> Sample:
        """The figures of now, and the rates since the last call."""
        before, self._before = self._before, self._count()
        rates = self._before.rates_since(before)
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(self._disk))
        hub = self._tide.hub
        p50, p95 = _percentiles(list(self._tide.runs.first_token_seconds))
        return Sample(
            at=time.time(),
            cpu_percent=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_used=disk.used,
            disk_total=disk.total,
            network_sent_rate=rates.sent,
            network_received_rate=rates.received,
            process_cpu_percent=self._process.cpu_percent(),
            process_memory=self._process.memory_info().rss,
            connections=len(hub.viewers),
            streams=hub.streams,
            runs=len(self._tide.runs),
            events_rate=rates.events,
            deliveries_rate=rates.deliveries,
            delivered_bytes_rate=rates.delivered_bytes,
            slow_viewers=sum(viewer.sink.is_paused for viewer in hub.viewers.values()),
            first_token_p50_seconds=p50,
            first_token_p95_seconds=p95,
        )

    def _count(self) -> _Counters:
        network = psutil.net_io_counters()
        figures = self._tide.hub.figures
        return _Counters(
            time.monotonic(),
            network.bytes_sent,
            network.bytes_recv,
            figures.events,
            figures.deliveries,
            figures.delivered_bytes,
        )


def monitor_router(channel: str, subscriber: Subscriber) -> APIRouter:
    router = APIRouter(route_class=Route, tags=["monitor"])

    @router.get("/api/monitor", response_class=Response, responses=SSE)
    async def monitor(request: Request) -> Response:
        """Figures every two seconds, as events ``sample``; first those of the last hour."""
        return await subscriber.respond(request, [channel], since="start")

    return router


def _percentiles(values: list[float]) -> tuple[float | None, float | None]:
    if len(values) < 2:
        return (values[0], values[0]) if values else (None, None)
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
