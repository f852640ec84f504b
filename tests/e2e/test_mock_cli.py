"""``tidewire mock`` and ``tidewire record`` as people start them: processes of their own."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_cli import Command, tidewire
from tidewire.mock.recording import load_recording

CHAT = "/v1/chat/completions"
QUESTION = '{"model": "m", "stream": true, "messages": [{"role": "user", "content": "tide 潮?"}]}'
SCENARIO = """
[pace]
tokens_per_second = 20

[[rule]]
match = "tide"
say = "High water, 潮水 🌊, at noon."
"""


class Running(Command):
    """``tidewire mock``, ready: its URL, and what it has told on stderr."""

    url: str
    told: str

    async def ready(self) -> None:
        assert self.process.stderr
        self.told = ""
        async with asyncio.timeout(40):
            while not (found := re.search(r"at (http://[\d.:]+)", self.told)):
                line = await self.process.stderr.readline()
                assert line, self.told
                self.told += line.decode()
        self.url = found[1]


@asynccontextmanager
async def mocking(*arguments: str) -> AsyncIterator[Running]:
    command = await Running.start("mock", "--port", "0", *arguments)
    assert isinstance(command, Running)
    try:
        await command.ready()
        yield command
    finally:
        if command.process.returncode is None:
            command.process.kill()
            await command.process.communicate()


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO)
    return file


@pytest.mark.parametrize(
    ("command", "words"),
    [("mock", ["x-mock-fault", "--replay", "GET /requests"]), ("record", ["keys", "@FILE"])],
)
async def test_help_teaches(command: str, words: list[str]) -> None:
    outcome = await tidewire(command, "--help")
    assert outcome.status == 0
    for word in words:
        assert word in outcome.said


async def test_a_scenario_is_recorded_and_replayed(tmp_path: Path, scenario: Path) -> None:
    out = tmp_path / "out.jsonl"
    async with mocking("--scenario", str(scenario)) as mock:
        outcome = await tidewire(
            "record", mock.url + CHAT + "?key=sk-secret", "--out", str(out),
            "--data", QUESTION, "--header", "Authorization: Bearer sk-secret",
        )  # fmt: skip
        assert outcome.status == 0
        assert outcome.told.startswith("200 · ")
        assert "complete" in outcome.told
        mock.process.send_signal(signal.SIGINT)
        ended = await mock.end()
    assert ended.status == 0
    assert "200 POST /v1/chat/completions · m 'tide 潮?' · finished" in ended.told
    assert "sk-secret" not in out.read_text() + ended.told
    recording = load_recording(out)
    said = b"".join(chunk.data for chunk in recording.chunks)
    seconds = recording.chunks[-1].at - recording.chunks[0].at
    assert seconds > 0.4  # eleven tokens, twenty a second
    async with (
        mocking("--replay", str(out), "--speed", "10") as mock,
        httpx.AsyncClient() as client,
    ):
        started = time.monotonic()
        answer = await client.get(f"{mock.url}/whatever")
        assert time.monotonic() - started >= seconds / 10
        mock.process.terminate()
        assert (await mock.end()).status == 0
    assert answer.content == said
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_it_tells_what_it_serves_and_what_became_of_it(scenario: Path) -> None:
    async with mocking("--scenario", str(scenario)) as mock:
        async with httpx.AsyncClient(base_url=mock.url, timeout=10) as client:
            fault = {"x-mock-fault": "stall-after=2"}
            async with client.stream("POST", CHAT, content=QUESTION, headers=fault) as answer:
                assert answer.status_code == 200
            for _ in range(100):
                report = (await client.get("/requests")).json()
                if report["left"]:
                    break
                await asyncio.sleep(0.02)
            about = (await client.get("/")).json()
        mock.process.terminate()
        told = mock.told + (await mock.end()).told
    assert (report["left"], report["requests"][0]["question"]) == (1, "tide 潮?")
    assert about["scenario"]["rule"][0]["match"] == "tide"
    for route in about["serves"].values():
        assert route in told
    assert "left" in told


async def test_without_a_scenario_it_echoes_at_a_human_pace() -> None:
    async with mocking() as mock, httpx.AsyncClient() as client:
        started = time.monotonic()
        answer = await client.post(f"{mock.url}/api/chat", content=QUESTION)
        assert time.monotonic() - started >= 0.15
    assert '"content":"tide"' in answer.text


async def test_recording_is_kept_when_it_is_stopped(tmp_path: Path, scenario: Path) -> None:
    out = tmp_path / "out.jsonl"
    async with mocking("--scenario", str(scenario)) as mock:
        recording = await Command.start(
            "record", f"{mock.url}{CHAT}?mock-fault=stall-after=3", "--out", str(out),
            "--data", QUESTION,
        )  # fmt: skip
        async with asyncio.timeout(40):
            while not out.exists() or b"High" not in out.read_bytes():
                await asyncio.sleep(0.02)
        recording.process.send_signal(signal.SIGINT)
        outcome = await recording.end()
    assert outcome.status == 130
    assert "Stopped" in outcome.told
    assert load_recording(out).ending is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["mock", "--scenario", "none.toml"],
            "none.toml cannot be read: none.toml: No such file",
        ),
        (["mock", "--replay", "none.jsonl"], "none.jsonl: the recording cannot be read"),
        (["mock", "--scenario", "a", "--replay", "b"], "not both"),
        (["mock", "--host", "192.0.2.1"], "cannot be listened on"),
        (["record", "http://127.0.0.1:9/x?key=k", "--out", "o"], "http://127.0.0.1:9/x cannot be"),
        (["record", "http://127.0.0.1:9", "--out", "o", "--header", "x"], "Name: value"),
        (["record", "http://127.0.0.1:9", "--out", "o", "--data", "@none"], "cannot be read"),
    ],
)
async def test_what_cannot_be_is_said_in_a_line(arguments: list[str], said: str) -> None:
    outcome = await tidewire(*arguments)
    assert outcome.status == 2
    assert said in " ".join(outcome.told.split())
    assert "Traceback" not in outcome.told
