"""``/healthz``, ``/readyz`` and ``/metrics``: alive, ready, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, Response

from tidewire.server.tide import Tidewire

__all__ = ["health_router"]


def health_router(tide: Tidewire) -> APIRouter:
    """Open to everybody: they say nothing about people or answers."""
    router = APIRouter(tags=["health"])
    registry = CollectorRegistry()
    registry.register(_Figures(tide))
    ProcessCollector(registry=registry)

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz")
    async def alive() -> JSONResponse:
        """200 as long as the event loop turns."""
        return JSONResponse({"status": "ok"})

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """200 if new streams are welcome; 503 with the reason while they are not."""
        reason = "draining" if tide.runs.draining else tide.log.failure
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text format."""
        text = generate_latest(registry)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


class _Figures(Collector):
    """Reads the hub's plain counters when asked; nothing is counted twice."""

    def __init__(self, tide: Tidewire) -> None:
        self._tide = tide

    def collect(self) -> Iterator[Metric]:
        figures = self._tide.hub.figures
        yield _gauge("viewers", "Subscriptions that are open", len(self._tide.hub.viewers))
        yield _gauge("runs", "Answers going on in this process", len(self._tide.runs))
        yield _counter("commits", "Commits to the log", figures.commits)
        yield _counter("events", "Events stored", figures.events)
        yield _counter("deliveries", "Events handed to viewers live", figures.deliveries)
        yield _counter("slow_viewers", "Times a viewer fell back to the log", figures.slow)
        yield _gauge(
            "log_failing", "1 while the log cannot be written", bool(self._tide.log.failure)
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tidewire_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"tidewire_{name}", text, value=value)
