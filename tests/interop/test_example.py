"""The example app as a builder runs it: under plain uvicorn and under tidewire.run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.e2e.nginx import free_port
from tidewire.answers.events import ReasoningDelta, TextDelta, decode
from tidewire.wire.parser import Parser, ServerSentEvent

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
SAID = "You asked about tides. Here it comes, word by word, 🌊 and whole. "
RUN = """
import sys, tidewire
tidewire.run("examples.fastapi_app:app", port=int(sys.argv[1]))
"""


class Example:
    """The example's process, with its database in a folder of its own."""

    def __init__(self, folder: Path, server: str) -> None:
        self.port = str(free_port())
        uvicorn = ["-m", "uvicorn", "examples.fastapi_app:app", "--port", self.port]
        self._command = uvicorn if server == "uvicorn" else ["-c", RUN, self.port]
        self._folder = folder
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    async def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self._folder / "log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self._command, cwd=self._folder, env=environment, stderr=log
            )
        while self.process.returncode is None:
            try:
                await self.client.get("/")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # another process: there is nothing to wait for
        raise RuntimeError((self._folder / "log").read_text())

    async def terminate(self) -> float:
        """Sends SIGTERM; the seconds until it has ended."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()
        return time.monotonic() - start

    async def stop(self) -> None:
        await self.client.aclose()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["uvicorn", "tidewire.run"])
async def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Example]:
    """One for all tests of this file, the last of which ends it."""
    example = Example(tmp_path_factory.mktemp("example"), request.param)
    try:
        await example.start()
        yield example
    finally:
        await example.stop()


async def read(response: httpx.Response, events: int | None = None) -> list[ServerSentEvent]:
    """The events of a response; leaves after so many."""
    response.raise_for_status()
    parser = Parser()
    seen: list[ServerSentEvent] = []
    async for data in response.aiter_bytes():
        seen += parser.feed(data)
        if events is not None and len(seen) >= events:
            break
    return seen


def text(events: list[ServerSentEvent]) -> str:
    answer = [decode(event.event, event.data) for event in events]
    return "".join(event.delta for event in answer if isinstance(event, TextDelta))


async def test_an_answer_that_is_cut_is_resumed_and_whole(example: Example) -> None:
    async with example.client.stream("POST", "/ask?question=tides") as asked:
        before = await read(asked, events=6)
    resume = {"Last-Event-ID": before[-1].id}
    async with example.client.stream("GET", asked.headers["location"], headers=resume) as resumed:
        after = await read(resumed)
    assert text(before + after) == SAID
    assert after[-1].event == "run.finished"
    thought = [decode(event.event, event.data) for event in before]
    assert ReasoningDelta("r1", "Somebody asks about tides.") in thought


async def test_any_dialect_can_be_asked_for(example: Example) -> None:
    async with example.client.stream("POST", "/ask?question=tides&dialect=delta") as asked:
        events = await read(asked)
    assert events[-1].data == "[DONE]"
    refused = await example.client.post("/ask?question=tides&dialect=none")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "bad_request"


async def test_a_run_can_be_stopped(example: Example) -> None:
    async with example.client.stream("POST", "/ask?question=tides") as asked:
        await read(asked, events=6)
        run = asked.headers["x-run-id"]
        stopped = await example.client.post(f"/api/runs/{run}/stop")
        assert stopped.json() == {"run": run, "closed": True}


async def test_sigterm_lets_a_short_answer_end_and_then_the_process(example: Example) -> None:
    async with example.client.stream("POST", "/ask?question=tides") as asked:
        arriving = asked.aiter_bytes()
        arrived = await anext(arriving)
        ending = asyncio.create_task(example.terminate())
        async for data in arriving:
            arrived += data
        seconds = await ending
    events = Parser().feed(arrived)
    assert text(events) == SAID
    assert events[-1].event == "run.finished"
    assert seconds < 9  # it would wait ten for an answer that does not end
    assert example.process.returncode in (0, -signal.SIGTERM)
