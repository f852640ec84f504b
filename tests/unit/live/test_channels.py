"""What is remembered of channels that are published to, and that it may be forgotten."""

from __future__ import annotations

import pytest

from tidewire.live import channels
from tidewire.live.channels import Channels
from tidewire.live.hub import Hub
from tidewire.log.memory import MemoryLog
from tidewire.wire.event import Event


async def test_of_many_channels_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "MAX_KNOWN", 3)
    log = MemoryLog()
    all_channels = Channels(log, Hub(log))
    for _ in range(2):
        for number in range(10):
            await all_channels.publish(f"c{number}", [Event("message", "news")])
    assert len(all_channels._epochs) <= 3
    assert [(await all_channels.info(f"c{number}")).head for number in range(10)] == [2] * 10
