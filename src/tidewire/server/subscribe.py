"""One answer for whoever wants channels, by whatever call: checked, found, streamed."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from tidewire.live.base import Visit
from tidewire.live.channels import Channels, channel_stream
from tidewire.live.start import check_since
from tidewire.log.base import CHANNEL
from tidewire.server.access import Access
from tidewire.server.requested import requested_cursor, requested_mode
from tidewire.server.resume import find_channels
from tidewire.server.tide import Tidewire

__all__ = ["Subscriber"]


class Subscriber:
    """Subscribes callers to channels that they may read."""

    def __init__(self, tide: Tidewire, channels: Channels, access: Access) -> None:
        self._tide = tide
        self._channels = channels
        self._access = access

    async def respond(
        self, request: Request, names: Sequence[str], *, since: str, visit: Visit | None = None
    ) -> Response:
        """The channels ``names``, or those of the request's cursor if their set was changed.

        Raises Forbidden, and as ``find_channels`` and ``Tidewire.streams_response`` do.
        """
        await self._check(request, names, since)
        cursor = requested_cursor(request)
        starts = await find_channels(
            self._tide.log, self._channels, names, cursor=cursor, since=since
        )
        for stream, _ in starts.streams:  # a cursor may name others
            await self._access.check_read(request, stream.name.removeprefix(CHANNEL))
        return self._tide.streams_response(request, starts, announce=True, visit=visit)

    async def _check(self, request: Request, names: Sequence[str], since: str) -> None:
        """Refuses what cannot be answered before a channel is made for it."""
        self._tide.runs.check_open()
        requested_mode(request)
        check_since(since)
        for name in names:
            channel_stream(name)
            await self._access.check_read(request, name)
