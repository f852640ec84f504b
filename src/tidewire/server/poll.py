"""Long polling: the same subscription, its events as one JSON document.

For clients that cannot read a stream. The answer comes as soon as there is an event, or
empty after ``wait`` seconds; its ``cursor`` is where the next request goes on. What is read
beyond MAX_EVENTS is left to that one: every id is a cursor, so it is read again from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tidewire.live.base import Viewer
from tidewire.live.control import Open
from tidewire.live.sinks import disconnected
from tidewire.live.subscription import Subscription
from tidewire.server.requested import requested_wait
from tidewire.server.respond import StreamResponse
from tidewire.server.waiting import first_of
from tidewire.wire.cursor import read_cursor
from tidewire.wire.parser import Parser, ServerSentEvent

__all__ = ["MAX_EVENTS", "PollResponse"]

MAX_EVENTS = 256


class PollSink:
    """Collects events until there are enough; ``ready`` is set at the first."""

    def __init__(self) -> None:
        self.viewer: Viewer | None = None
        self.chunked = False
        self.is_paused = False
        self.is_gone = False
        self.events: list[ServerSentEvent] = []
        self.ready = asyncio.Event()
        self._parser = Parser(max_line_bytes=1 << 30, max_event_bytes=1 << 30)

    def write(self, data: bytes) -> None:
        self.events += self._parser.feed(data)
        if self.events:
            self.ready.set()
        if len(self.events) >= MAX_EVENTS and not self.is_paused:
            self.is_paused = True
            if self.viewer is not None:
                self.viewer.paused()


class PollResponse(StreamResponse):
    """``{"events": [{"id", "event", "data"}], "cursor", "closed", "streams"}``.

    At most MAX_EVENTS, or all that one stored event has become in a dialect that makes
    more of it. ``streams`` is what ``stream.open`` would say, after the events. ``closed``: all
    streams have ended and everything was given.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sink, wait_seconds = PollSink(), requested_wait(Request(scope))
        async with self.subscription(sink, scope) as subscription:
            answer = await self.hold(subscription)
            if answer is None:
                await subscription.catch_up()
                if not sink.events:
                    await first_of(
                        subscription.stay(),
                        sink.ready.wait(),
                        disconnected(receive),
                        timeout_seconds=wait_seconds,
                    )
                answer = _answer(subscription, sink)
                answer.headers.update(self._more_headers)
        await answer(scope, receive, send)


def _answer(subscription: Subscription, sink: PollSink) -> JSONResponse:
    events = sink.events[: _cut(sink.events)]
    readings = subscription.readings
    cursor, places, is_done = readings.cursor(), readings.places(), readings.is_done
    if len(events) < len(sink.events):
        cursor, is_done = events[-1].id, False
        places = _places_at(cursor, places)
    content = {
        "events": [{"id": e.id, "event": e.event, "data": e.data} for e in events],
        "cursor": cursor,
        "closed": is_done,
        "streams": msgspec.to_builtins(places),
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def _cut(events: Sequence[ServerSentEvent]) -> int:
    """How many events to give.

    The last of them brings an id of its own: what has none is said together with what
    follows, and would come again.
    """
    if len(events) <= MAX_EVENTS:
        return len(events)
    ends = [n for n in range(2, len(events) + 1) if events[n - 1].id != events[n - 2].id]
    within = [n for n in ends if n <= MAX_EVENTS]
    return within[-1] if within else next(iter(ends), len(events))


def _places_at(cursor: str, later: Sequence[Open.Place]) -> list[Open.Place]:
    """Where the reader stood when this cursor was written."""
    positions = {position.epoch: str(position) for position in read_cursor(cursor)}
    epochs = [read_cursor(place.cursor)[0].epoch for place in later]
    return [
        msgspec.structs.replace(place, cursor=positions.get(epoch, place.cursor))
        for place, epoch in zip(later, epochs, strict=True)
    ]
