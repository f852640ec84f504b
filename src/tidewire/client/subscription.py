"""Channels of a server, followed over as many connections as it takes, and changed on the way.

A change is made on the connection that is open. Where that cannot be, the server is
asked how the new channels stand, and the next connection is opened for all of them,
behind that and what was seen: so nobody waits for it, who may be the one to open it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from tidewire.client.backoff import Backoff
from tidewire.client.call import TIMEOUT, call
from tidewire.client.follow import Following, follow
from tidewire.client.places import Places
from tidewire.client.refusal import read_refusal
from tidewire.wire.cursor import CHANGED
from tidewire.wire.parser import ServerSentEvent

__all__ = ["ChannelEvent", "Subscription"]

AT_ONCE = (("mode", "poll"), ("from", "now"), ("wait", "0"))
"""The query of a reading that only says how things stand."""
REFUSES = frozenset({400, 401, 403})
"""A server that answers so has judged the change; any other has not made it."""


class ChannelEvent(NamedTuple):
    """``channel`` is empty for ``stream.open``, which is of them all."""

    channel: str
    event: str
    data: str
    id: str


class Subscription:
    """``async for`` gives the events of ``channels``, each once, until the loop is left.

    ``since`` is where they begin: now, start, or how many of the latest events; ``cursor``
    goes on after an id. Errors are those of ``follow``. One loop a subscription.
    """

    def __init__(
        self,
        server: str,
        channels: Sequence[str],
        *,
        since: str = "now",
        cursor: str | None = None,
        headers: Mapping[str, str] | None = None,
        backoff: Backoff | None = None,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._url = f"{server.rstrip('/')}/api/events"
        self._places = Places(channels)
        self._reading = _Reading(self._url, self._places, since)
        self._headers = dict(headers or {})
        self._waits: dict[str, Any] = {"on_wait": on_wait, "sleep": sleep}
        self._follow: dict[str, Any] = {"cursor": cursor, "backoff": backoff, **self._waits}
        self._changing = asyncio.Lock()

    @property
    def channels(self) -> list[str]:
        """What is read, with the changes that the server has made."""
        return list(self._places.names)

    async def __aiter__(self) -> AsyncGenerator[ChannelEvent, None]:
        async with aclosing(
            follow(
                self._url,
                headers=self._headers,
                endless=True,
                following=self._reading,
                **self._follow,
            )
        ) as events:
            try:
                async for event in events:
                    self._reading.see(event)
                    channel = self._places.of(event)
                    yield ChannelEvent(channel, event.event, event.data, event.id)
            finally:
                self._reading.leave()

    async def add(self, *channels: str) -> None:
        """Reads more channels, from now on; of those that stay nothing is lost.

        Returns when nothing that is then published in them can be missed, waiting for the
        server if need be; outside of the loop, they are asked for when it begins. Raises
        ServerRefused if the server does not let it, or is away for about a minute; then
        all is as it was.
        """
        await self._change(channels, ())

    async def remove(self, *channels: str) -> None:
        """Reads fewer channels; as ``add``."""
        await self._change((), channels)

    async def _change(self, add: Sequence[str], remove: Sequence[str]) -> None:
        async with self._changing, self._session() as session:
            await self._reading.settled.wait()
            connection = self._places.connection
            if connection is None:  # outside of the loop
                self._places.change(add, remove, ())
                return
            told = await self._tell(session, connection, add, remove)
            begin = await self._ask(session, add) if told is None and add else told
            self._places.change(add, remove, begin or ())
            # Nobody there knew the connection, or it went away with the change.
            if told is None or self._places.connection != connection:
                self._reading.reconnect()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers)

    async def _tell(
        self,
        session: aiohttp.ClientSession,
        connection: str,
        add: Sequence[str],
        remove: Sequence[str],
    ) -> list[dict[str, str]] | None:
        """How things stand at the server after the change; None if it was not made."""
        url, change = f"{self._url}/{connection}", {"add": add, "remove": remove}
        try:
            async with session.patch(url, json=change, allow_redirects=False) as response:
                if response.status in REFUSES:
                    raise await read_refusal(response)
                if response.status != 200:
                    return None
                told: list[dict[str, str]] = (await response.json())["streams"]
                return told
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return None

    async def _ask(
        self, session: aiohttp.ClientSession, channels: Sequence[str]
    ) -> list[dict[str, str]]:
        """How channels stand that no connection has yet."""
        query = [*(("channel", name) for name in channels), *AT_ONCE]
        get = partial(session.get, self._url, params=query, allow_redirects=False)
        asked: list[dict[str, str]] = (await call(get, **self._waits))["streams"]
        return asked


class _Reading(Following):
    """``settled``: a connection is known, or none is to be waited for."""

    def __init__(self, url: str, places: Places, since: str) -> None:
        super().__init__(url)
        self.settled = asyncio.Event()
        self.settled.set()
        self._places = places
        self._since = since

    def see(self, event: ServerSentEvent) -> None:
        self._places.see(event)
        if event.event == "stream.open":
            self.settled.set()

    def leave(self) -> None:
        self._places.connection = None
        self.settled.set()

    def resume(self) -> tuple[str, str | None]:
        """Asks for the channels as they are when it asks."""
        self._places.connection = None
        self.settled.clear()
        cursor = self._places.cursor()
        # Where the others have begun, what comes in begins now.
        query = [("channel", name) for name in self._places.names]
        query.append(("from", "now" if cursor else self._since))
        # The address says which channels; an id that was marked as saying so shall not.
        own = self.cursor.removesuffix(CHANGED) if self.cursor else None
        return f"{self.url}?{urlencode(query)}", cursor or own
