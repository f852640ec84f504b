"""The response that carries a stream: pure ASGI, under any server.

Holds the status line back until the run has said something (or two seconds), so that
a model's 401, 429 or 5xx is still an HTTP status; then head, subscription, end.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tidewire.answers.events import RunFailed
from tidewire.dialects.base import Dialect
from tidewire.errors import LogUnavailable, TidewireError
from tidewire.live.base import Sink, Visit
from tidewire.live.hub import Hub
from tidewire.live.sinks import EXTENSION, AsgiSink, DirectSink
from tidewire.live.start import Starts
from tidewire.live.subscription import Subscription, mark_done
from tidewire.live.watch import Watch
from tidewire.runs.run import Run
from tidewire.server.refusals import Headers, Refuse, error_response
from tidewire.wire.headers import stream_headers

__all__ = ["StreamResponse", "Unfinished"]

HOLD_SECONDS = 2.0


class StreamResponse(Response):
    """A subscription as a response. ``run``: hold the head back until it has begun.

    ``refuse`` writes the response where the run was refused outright; ours by default.
    """

    def __init__(
        self,
        hub: Hub,
        starts: Starts,
        dialect: Dialect,
        *,
        run: Run | None = None,
        headers: Headers | None = None,
        announce: bool = False,
        visit: Visit | None = None,
        refuse: Refuse | None = None,
    ) -> None:
        super().__init__(status_code=200)
        self._subscribe = partial(
            Subscription, hub, starts, dialect, announce=announce, visit=visit
        )
        self._run = run
        self._refuse = refuse or error_response
        self._more_headers = {**(headers or {}), **dialect.headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":  # what follows a head would be read as the next answer
            await send(self._head())
            await send({"type": "http.response.body"})
            return
        offer = scope.get("extensions", {}).get(EXTENSION)
        if offer is not None:
            refusal = await self._hand_over(DirectSink(offer["transport"]), scope, receive, send)
        else:
            refusal = await self._carry(scope, receive, send)
        if refusal is not None:
            await refusal(scope, receive, send)

    async def _hand_over(
        self, sink: DirectSink, scope: Scope, receive: Receive, send: Send
    ) -> Response | None:
        """Sends the head; the viewer stays, and the request ends.

        Not where a middleware keeps the head to itself: then it wants the body as well.
        """
        watch = Watch(self.subscription(sink, scope), sink)
        with watch as viewer:
            refusal = await self._begin(viewer, send)
            if refusal is not None:
                return refusal
            if sink.is_answering or sink.is_gone:
                watch.start()
                return None
        return await self._carry(scope, receive, send, is_begun=True)

    async def _carry(
        self, scope: Scope, receive: Receive, send: Send, *, is_begun: bool = False
    ) -> Response | None:
        """The whole response by plain ASGI, or what follows its head."""
        async with AsgiSink(receive, send) as sink:
            async with self.subscription(sink, scope) as viewer:
                refusal = None if is_begun else await self._begin(viewer, send)
                if refusal is None:
                    await viewer.run()
        if refusal is None and not sink.is_gone:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        return refusal

    async def _begin(self, viewer: Subscription, send: Send) -> Response | None:
        """Sends the head as soon as it may, unless the run was refused."""
        refusal = await self.hold(viewer)
        if refusal is None:
            await send(self._head())
        return refusal

    def subscription(self, sink: Sink, scope: Scope) -> Subscription:
        """The subscription into ``sink``, to be entered."""
        return self._subscribe(sink, about=":".join(map(str, scope.get("client") or ())))

    def _head(self) -> dict[str, Any]:
        # raw_headers holds what the app put on the response (cookies); all but its
        # content-length, which a stream has none of.
        own = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        more = [
            (name.lower().encode(), value.encode()) for name, value in self._more_headers.items()
        ]
        headers = stream_headers(*own, *more)
        return {"type": "http.response.start", "status": self.status_code, "headers": headers}

    async def hold(self, subscription: Subscription) -> Response | None:
        """Waits for the run to begin; the error response if it was refused outright."""
        run = self._run
        if run is None:
            return None
        if not run.begun.done():
            held = subscription.left()
            run.begun.add_done_callback(lambda _: mark_done(held))
            timer = asyncio.get_running_loop().call_later(HOLD_SECONDS, mark_done, held)
            try:
                await held
            finally:
                timer.cancel()
        if run.refused is None:
            return None
        return self._refuse(run.error or Unfinished(run.refused), headers=self._more_headers)


class Unfinished(TidewireError):
    """A run that failed for a reason that is not the model's, or is not known any more."""

    def __init__(self, failed: RunFailed) -> None:
        super().__init__(failed.message)
        self.code = failed.code
        self.retryable = failed.retryable
        if failed.code in _UNAVAILABLE:
            self.status = 503
            self.retry_after_seconds = LogUnavailable.retry_after_seconds
        elif failed.code.startswith("upstream_"):
            self.status = 502


_UNAVAILABLE = ("interrupted", LogUnavailable.code)
