"""A viewer without a request: it ends, whatever happens, and with it its connection."""

from __future__ import annotations

import pytest

from tests.unit.live.scripted import ScriptedLog, turns
from tests.unit.live.test_delivery import NATIVE, Socket
from tidewire.live.hub import Hub
from tidewire.live.sinks import DirectSink
from tidewire.live.start import Start, Starts
from tidewire.live.subscription import Subscription
from tidewire.live.watch import Watch
from tidewire.log.base import Batch
from tidewire.wire.event import Event


class _BrokenLog(ScriptedLog):
    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        raise ZeroDivisionError


class _Socket(Socket):
    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def _watch(hub: Hub, log: ScriptedLog, socket: Socket) -> Watch:
    sink = DirectSink(socket)
    return Watch(Subscription(hub, Starts([(log.stream, Start())]), NATIVE, sink), sink)


async def test_a_viewer_that_cannot_be_served_is_sent_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log, socket = _BrokenLog(), _Socket()
    hub = Hub(log)
    log.commit([Event("message", "one")])
    watch = _watch(hub, log, socket)
    with watch:
        watch.start()
    await turns()
    assert socket.is_aborted and socket.sink is None
    assert not hub.viewers
    assert "could not be served" in caplog.text


async def test_a_viewer_whose_response_never_began_leaves_nothing() -> None:
    log, socket = ScriptedLog(), _Socket()
    hub = Hub(log)
    with _watch(hub, log, socket):
        assert hub.viewers
    assert not hub.viewers
    assert socket.sink is None
