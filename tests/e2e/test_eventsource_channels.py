"""Many channels on one connection of a browser's own EventSource, which is cut again and again."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.tidewire_process import TidewireProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUTS = 4
COUNT = 30

# Reads until it has seen enough; knows from the id which channel an event is of.
READ = """([url, enough]) => new Promise((resolve) => {
  const seen = [], names = new Map();
  const source = new EventSource(url);
  source.addEventListener("stream.open", (event) => {
    for (const { stream, cursor } of JSON.parse(event.data).streams) {
      names.set(cursor.split("-")[0], stream);
    }
  });
  source.onmessage = (event) => {
    seen.push(`${names.get(event.lastEventId.split("-")[0])} ${event.data}`);
    if (seen.length < enough) return;
    source.close();
    resolve(seen);
  };
})"""


async def test_each_channel_is_read_whole_over_cuts(tmp_path: Path, browser: Browser) -> None:
    dice = random.Random(3)
    cuts = iter([dice.randint(400, 900) for _ in range(CUTS)])
    told = {name: [f"{name} {number}" for number in range(COUNT)] for name in ("tides", "winds")}
    url = "/api/events?channel=tides&channel=winds&from=start"
    server = await TidewireProcess(tmp_path).start()
    try:
        async with CuttingProxy(
            server.port, lambda line: next(cuts, None) if url in line else None
        ) as proxy:
            page = await browser.new_page()
            await page.goto(f"{proxy.url}/healthz")
            reading = asyncio.create_task(page.evaluate(READ, [url, 2 * COUNT]))
            await _publish(server, told)
            seen = await reading
            await page.close()
    finally:
        await server.stop()
    for name, all_of_it in told.items():
        assert [each for each in seen if each.startswith(name)] == all_of_it
    first, *again = (head.lower() for head in proxy.requests if url in head)
    assert "last-event-id: " not in first
    # What a browser has received and not looked at when it is cut off, it forgets.
    resumed = ["last-event-id: " in head for head in again]
    assert len(again) == CUTS and resumed[-1] and resumed == sorted(resumed)


async def _publish(server: TidewireProcess, told: dict[str, list[str]]) -> None:
    """The numbers, to both channels in turns."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        for number in range(COUNT):
            for name in told:
                answer = await client.post(f"/api/channels/{name}", content=str(number))
                assert answer.status_code == 201
