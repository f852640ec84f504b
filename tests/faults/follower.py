"""A reader of channels over real connections, who comes back by its cursor, anywhere.

What is published in channel ``c`` is ``c 0``, ``c 1`` …, so everybody can check for
themselves that nothing is missing, doubled or out of order.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Self

from tests.faults.viewer import READ_BYTES, Connection
from tidewire import client
from tidewire.errors import ServerRefused
from tidewire.wire.parser import ServerSentEvent


class Follower:
    """``names``: its channels, read from their start. ``got``: how many events it has of
    each, all of them checked."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.wanted = set(names)
        self._added: set[str] = set()
        self.got: dict[str, int] = defaultdict(int)
        self.resets: list[dict[str, Any]] = []
        self.cursor = ""
        self.connection_id = ""
        self.connections = 0
        self.refusals = 0
        self.is_open = asyncio.Event()

    @property
    def target(self) -> str:
        return "/api/events?from=start&" + "&".join(f"channel={name}" for name in self.names)

    def has(self, counts: dict[str, int]) -> bool:
        return all(self.got[name] >= count for name, count in counts.items())

    def has_all(self, count: int) -> bool:
        """True if it has so many events of every channel that it wants."""
        return all(self.got[name] >= count for name in self.wanted)

    def change(self, *, add: str, remove: str) -> None:
        """From now on it wants others; what is added begins anywhere, and then goes on."""
        self.wanted = self.wanted - {remove} | {add}
        self._added.add(add)

    async def follow(
        self,
        ports: Sequence[int],
        until: Callable[[], bool],
        *,
        cut_after_bytes: Callable[[], int] | None = None,
    ) -> None:
        """Reads until it is enough, going on at the next port whenever a connection ends."""
        attempt = 0
        while not until():
            limit = cut_after_bytes() if cut_after_bytes is not None else None
            try:
                await self._read(ports[attempt % len(ports)], until, limit)
            except OSError:  # no server there just now
                await asyncio.sleep(0.05)
            attempt += 1

    async def _read(self, port: int, until: Callable[[], bool], limit: int | None) -> None:
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        connection = await Connection.open(port, "GET", self.target, headers=headers)
        self.connections += 1
        try:
            while not until():
                left = READ_BYTES if limit is None else limit - connection.received_bytes
                events = await connection.read(min(left, READ_BYTES)) if left > 0 else None
                for event in events or ():
                    self.take(event)
                self.cursor = connection.parser.last_event_id or self.cursor
                if events is None:
                    break
            if connection.status not in (200, None):
                assert connection.status == 503, (connection.status, connection.body)
                self.refusals += 1
                await asyncio.sleep(0.02)
        finally:
            self.is_open.clear()
            connection.cut()

    def take(self, event: ServerSentEvent) -> None:
        if event.event == "stream.open":
            self.connection_id = json.loads(event.data)["connection"]
            self.is_open.set()
        elif event.event == "stream.reset":
            self.resets.append(json.loads(event.data))
        else:
            name, _, number = event.data.partition(" ")
            if name in self._added:
                self._added.remove(name)
                self.got[name] = int(number)
            assert int(number) == self.got[name], f"{event.data} after {self.got[name]} events"
            self.got[name] += 1


class Publisher:
    """Publishes to channels in order, each event once, whatever happens to a server."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.count: dict[str, int] = defaultdict(int)
        """How many events of each channel were acknowledged."""
        self._servers = [
            client.Publisher(f"http://127.0.0.1:{port}", max_attempts=1) for port in ports
        ]

    async def __aenter__(self) -> Self:
        for server in self._servers:
            await server.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for server in self._servers:
            await server.__aexit__(*exc)

    async def publish(self, name: str, count: int = 1) -> None:
        """The next events of a channel, as one batch; tried until it is acknowledged."""
        first = self.count[name]
        batch = json.dumps([{"data": f"{name} {first + n}"} for n in range(count)])
        for attempt in itertools.count(first):
            server = self._servers[attempt % len(self._servers)]
            try:
                await server.publish_json(name, batch, key=f"{name} {first}")
                break
            except ServerRefused as exc:
                assert exc.status == 503, exc
                await asyncio.sleep(0.02)  # no server there just now
        self.count[name] = first + count
