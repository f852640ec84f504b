"""Who is in a room, over real sockets: tabs, reloads, dead connections, a dead server."""

from __future__ import annotations

import asyncio
import ctypes
import json
import socket
import struct
from typing import Any

import pytest

from tests.faults.conftest import Serve
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection
from tidewire.chat.attendance import GRACE_SECONDS
from tidewire.chat.presence import TICK_SECONDS
from tidewire.server.rooms import SILENT_SECONDS
from tidewire.server.settings import Settings
from tidewire.wire.parser import ServerSentEvent

LOBBY = "/api/rooms/lobby"
SO_ATTACH_FILTER = 26  # asm-generic/socket.h


class Tab:
    """Somebody's open stream of the lobby, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[ServerSentEvent] = []

    @classmethod
    async def open(cls, server: ServerProcess, user: str, **query: str) -> Tab:
        options = "".join(f"&{name}={value}" for name, value in query.items())
        target = f"{LOBBY}?user={user}{options}"
        return cls(await Connection.open(server.port, "GET", target))

    async def until(self, type: str, user: str) -> ServerSentEvent:
        """Reads up to an event of this type about this person."""
        while True:
            events = await self.connection.read()
            assert events is not None, "the stream has ended"
            self.events += events
            for event in events:
                if event.event == type and json.loads(event.data)["user"] == user:
                    return event

    def told(self, user: str) -> list[str]:
        found = [e for e in self.events if e.event in ("room.joined", "room.left")]
        return [e.event for e in found if json.loads(e.data)["user"] == user]


async def people(server: ServerProcess) -> list[str]:
    answer: dict[str, Any] = (await server.get(f"{LOBBY}/presence?user=watcher")).json()
    return [person["user"] for person in answer["people"]]


async def only_one_is_connected(server: ServerProcess) -> None:
    """Until the server knows that all others have gone."""
    while len((await server.get("/api/connections")).json()["connections"]) > 1:
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("plain", [False, True], ids=["direct", "plain uvicorn"])
async def test_tabs_reloads_and_the_end(serve: Serve, plain: bool) -> None:
    server = await serve(plain=plain)
    watching = await Tab.open(server, "bob")
    first, second = await Tab.open(server, "ann"), await Tab.open(server, "ann")
    await watching.until("room.joined", "ann")
    assert sorted(await people(server)) == ["ann", "bob"]
    first.connection.cut()
    second.connection.cut(reset=True)
    await only_one_is_connected(server)
    reloaded = await Tab.open(server, "ann", **{"from": "now"})
    await reloaded.connection.head()
    await server.post(f"{LOBBY}/typing?user=ann")
    typing = await watching.until("room.typing", "ann")
    assert typing.id == watching.events[-2].id, "a hint has no id of its own"
    reloaded.connection.cut()
    await watching.until("room.left", "ann")
    assert watching.told("ann") == ["room.joined", "room.left"]
    assert await people(server) == ["bob"]
    watching.connection.cut()


def test_the_dead_leave_within_thirty_seconds() -> None:
    """A heartbeat, no word that it has arrived, no word of a return, and the next look."""
    heartbeat_seconds: float = Settings.model_fields["heartbeat_seconds"].default
    assert heartbeat_seconds + SILENT_SECONDS + GRACE_SECONDS + TICK_SECONDS < 30


async def test_a_connection_that_died_silently_leaves(serve: Serve) -> None:
    server = await serve("heartbeat_seconds = 1")
    watching, dead = await Tab.open(server, "bob"), await Tab.open(server, "ann")
    await watching.until("room.joined", "ann")
    drop_all(dead.connection.socket)
    await watching.until("room.left", "ann")
    for tab in (watching, dead):
        tab.connection.cut()


async def test_after_kill_9_who_does_not_come_back_leaves(serve: Serve) -> None:
    server = await serve()
    tabs = [await Tab.open(server, "ann"), await Tab.open(server, "bob")]
    await tabs[0].until("room.joined", "bob")
    await server.kill()
    await server.start()
    back = await Tab.open(server, "bob", last_event_id=tabs[0].events[-1].id)
    await back.until("room.left", "ann")
    assert await people(server) == ["bob"]
    assert back.told("bob") == []
    for tab in (*tabs, back):
        tab.connection.cut()


def drop_all(sock: socket.socket) -> None:
    """From now on the kernel drops what arrives for this socket, and acknowledges nothing:
    to the peer it is as if the cable had been pulled."""
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0
    program = struct.pack("HL", 1, ctypes.addressof(drop))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
