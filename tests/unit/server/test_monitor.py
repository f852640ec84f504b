"""The monitor: one sampler, whoever many watch; it rests while nobody does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import httpx
import pytest

from tests.unit.server.conftest import Start
from tests.unit.server.test_channels_many import change, publish
from tests.unit.server.watching import Watch
from tidewire.live.channels import Channels
from tidewire.server import monitor
from tidewire.server.monitor import Monitor, _percentiles
from tidewire.server.tide import Tidewire


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "EVERY_SECONDS", 0.05)


async def test_a_sample_says_how_machine_and_hub_are(start: Start) -> None:
    api = await start()
    async with Watch(api, "/api/monitor") as watch, Watch(api, "/api/channels/a") as other:
        await other.until(1)
        await watch.until(2)
        await publish(api, "a", *(str(n) for n in range(100)))
        samples = [json.loads(e.data) for e in (await watch.until(5))[1:]]
    assert {event.event for event in watch.published()} == {"sample"}
    for sample in samples:
        assert 0 < sample["memory_used"] < sample["memory_total"]
        assert 0 < sample["disk_used"] <= sample["disk_total"]
        assert 0 <= sample["cpu_percent"] <= 100
        assert sample["process_memory"] > 1_000_000
        assert sample["slow_viewers"] == sample["runs"] == 0
        assert sample["first_token_p50_seconds"] is None
    assert (samples[-1]["connections"], samples[-1]["streams"]) == (2, 2)
    assert max(sample["events_rate"] for sample in samples) > 100
    assert max(sample["delivered_bytes_rate"] for sample in samples) > 0
    times = [sample["at"] for sample in samples]
    assert times == sorted(set(times))


def test_the_first_sample_has_what_the_process_used_since_the_start(tmp_path: Path) -> None:
    tide = Tidewire("memory://")
    sampler = Monitor(tide, Channels(tide.log, tide.hub), port=8400, disk=tmp_path)
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert sampler.sample().process_cpu_percent > 0


def test_it_goes_by_its_port_or_where_that_is_any_by_its_process(tmp_path: Path) -> None:
    tide = Tidewire("memory://")
    channels = Channels(tide.log, tide.hub)
    names = [Monitor(tide, channels, port=port, disk=tmp_path).channel for port in (8401, 0)]
    assert names == ["monitor:8401", f"monitor:{os.getpid()}"]


async def test_it_samples_once_for_all_and_rests_for_nobody(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/monitor") as first, Watch(api, "/api/monitor") as second:
        events = await first.until(4)
        assert [e.id for e in (await second.until(4))[1:]] == [e.id for e in events[1:]]
    resting = (await api.get("/api/channels/monitor:8400/info")).json()["head"]
    async with Watch(api, "/api/demo/interval?ms=30") as meanwhile:
        await meanwhile.until(8)  # some time passes
    assert (await api.get("/api/channels/monitor:8400/info")).json()["head"] == resting
    async with Watch(api, "/api/monitor") as late:
        seen = (await late.until(2 + resting))[1:]
    assert [e.id for e in seen[:3]] == [e.id for e in events[1:]]


async def test_servers_with_one_log_tell_each_their_own_figures(
    start: Start, tmp_path: Path
) -> None:
    log = {"url": f"sqlite:///{tmp_path / 'log.db'}"}
    one, other = await start(log=log, port=8401), await start(log=log, port=8402)
    async with Watch(other, "/api/channels/a") as more:
        await more.until(1)
        async with Watch(one, "/api/monitor") as watch, Watch(other, "/api/monitor") as beside:
            seen = [[json.loads(e.data) for e in (await w.until(5))[1:]] for w in (watch, beside)]
    assert [{sample["streams"] for sample in samples} for samples in seen] == [{1}, {2}]


async def test_a_changed_set_is_kept_when_its_viewer_comes_back(api: httpx.AsyncClient) -> None:
    async with Watch(api, "/api/monitor") as watch:
        changed = await change(api, await watch.connection(), add=["a"])
    await publish(api, "a", "1")
    async with Watch(api, "/api/monitor", cursor=changed.json()["cursor"]) as watch:
        opened = await watch.opened()
        assert {place["stream"] for place in opened["streams"]} == {"monitor:8400", "a"}
        assert "1" in [event.data for event in await watch.until(2)]


async def test_the_first_token_times_are_told_once_there_are_some(api: httpx.AsyncClient) -> None:
    for _ in range(3):
        await api.post("/api/chat", json={"message": "m"})
    async with Watch(api, "/api/monitor") as watch:
        sample = json.loads((await watch.until(2))[1].data)
    assert 0 <= sample["first_token_p50_seconds"] <= sample["first_token_p95_seconds"]


def test_percentiles() -> None:
    assert _percentiles([]) == (None, None)
    assert _percentiles([3.0]) == (3.0, 3.0)
    assert _percentiles([float(n) for n in range(101)]) == (50.0, 95.0)
