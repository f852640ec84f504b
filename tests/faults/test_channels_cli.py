"""``tidewire publish`` and ``tidewire tail --channel``, as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.faults.server_process import TIDEWIRE, ServerProcess, free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """One for all tests of this file: each has channels of its own."""
    server = ServerProcess(tmp_path_factory.mktemp("cli"))
    try:
        yield await server.start()
    finally:
        await server.stop()


class Outcome(NamedTuple):
    status: int | None
    said: str
    told: str
    """What was written on stderr."""


async def start(port: int, *arguments: str) -> Process:
    environment = {**os.environ, "TIDEWIRE_SERVER": f"http://127.0.0.1:{port}", "COLUMNS": "100"}
    return await asyncio.create_subprocess_exec(
        TIDEWIRE, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
    )


async def run(port: int, *arguments: str, stdin: str = "") -> Outcome:
    process = await start(port, *arguments)
    try:
        async with asyncio.timeout(30):
            said, told = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Outcome(process.returncode, said.decode(), told.decode())


async def lines(process: Process, count: int) -> list[str]:
    assert process.stdout
    async with asyncio.timeout(30):
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def end(process: Process) -> Outcome:
    """Ctrl+C."""
    process.send_signal(signal.SIGINT)
    said, told = await process.communicate()
    return Outcome(process.returncode, said.decode(), told.decode())


async def watched(server: ServerProcess, channel: str) -> None:
    async with asyncio.timeout(30):
        while True:
            info = await server.get(f"/api/channels/{channel}/info")
            if info.status_code == 200 and info.json()["viewers"]:
                return
            await asyncio.sleep(0.02)


async def post(server: ServerProcess, channel: str, data: str, event: str = "message") -> None:
    json = {"event": event, "data": data}
    assert (await server.post(f"/api/channels/{channel}", json=json)).status_code == 201


async def history(server: ServerProcess, channel: str) -> list[tuple[str, str]]:
    poll = await server.get(f"/api/channels/{channel}?mode=poll&from=start&wait=0")
    return [(event["event"], event["data"]) for event in poll.json()["events"]]


async def test_publish_takes_a_text_json_and_lines(server: ServerProcess) -> None:
    text = await run(server.port, "publish", "news", "high water 潮", "--event", "tide")
    assert (text.status, text.told) == (0, "")
    info = (await server.get("/api/channels/news/info")).json()
    assert text.said == info["cursor"] + "\n"
    batch = '[{"data": 1}, {"event": "e", "data": {"a": "b"}}]'
    assert (await run(server.port, "publish", "news", batch, "--json")).status == 0
    read = await run(server.port, "publish", "news", stdin="one\r\n\ntwo")
    assert read.status == 0 and "3 published" in read.told
    assert await history(server, "news") == [
        ("tide", "high water 潮"),
        ("message", "1"),
        ("e", '{"a":"b"}'),
        ("message", "one"),
        ("message", ""),
        ("message", "two"),
    ]


async def test_a_key_publishes_once_lines_too(server: ServerProcess) -> None:
    for _ in range(2):
        assert (await run(server.port, "publish", "keyed", "x", "--key", "k")).status == 0
        assert (
            await run(server.port, "publish", "keyed-lines", "--key", "k", stdin="1\n2\n")
        ).status == 0
    assert [data for _, data in await history(server, "keyed")] == ["x"]
    assert [data for _, data in await history(server, "keyed-lines")] == ["1", "2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a b", "x"], "A channel's name is"),
        (["a", "{", "--json"], "The body is not valid JSON"),
        (["a", "x", "--event", "stream.x"], "'stream.'"),
        (["a", "x", "--server", "nowhere"], "'nowhere' is not"),
    ],
)
async def test_publish_says_what_is_wrong(
    server: ServerProcess, arguments: list[str], told: str
) -> None:
    outcome = await run(server.port, "publish", *arguments)
    assert (outcome.status, outcome.said) == (2, "")
    assert told in outcome.told and "Traceback" not in outcome.told


async def test_a_type_stands_in_the_json_or_in_the_option() -> None:
    outcome = await run(free_port(), "publish", "a", "{}", "--json", "--event", "e")
    assert outcome.status == 2 and "--event" in outcome.told


async def test_publish_waits_for_the_server_and_stores_once(server: ServerProcess) -> None:
    await server.kill()
    publishing = await start(server.port, "publish", "late", "x")
    assert publishing.stderr
    assert b"cannot be reached" in await publishing.stderr.readline()
    await server.start()
    async with asyncio.timeout(30):
        assert await publishing.wait() == 0
    await publishing.communicate()
    assert [data for _, data in await history(server, "late")] == ["x"]


async def test_tail_says_which_channel_over_a_restart(server: ServerProcess) -> None:
    await post(server, "b", "before")
    tailing = await start(server.port, "tail", "--channel", "a", "--channel", "b", "--from", "1")
    assert await lines(tailing, 1) == ["b\tmessage\tbefore"]
    await post(server, "a", "1", event="run.finished")  # ends nothing here
    assert await lines(tailing, 1) == ["a\trun.finished\t1"]
    await server.kill()
    await server.start()
    await post(server, "b", "2")
    assert await lines(tailing, 1) == ["b\tmessage\t2"]
    assert (await server.delete("/api/channels/a")).status_code == 204
    await post(server, "b", "3")
    assert await lines(tailing, 1) == ["b\tmessage\t3"]
    outcome = await end(tailing)
    assert outcome.status == 130
    assert "a was not continued: gone" in outcome.told
    assert "again in" in outcome.told


async def test_tail_prints_json_with_the_channel_and_begins_now(server: ServerProcess) -> None:
    await post(server, "shown", "before")
    tailing = await start(server.port, "tail", "--channel", "shown", "--json")
    await watched(server, "shown")
    await post(server, "shown", "after")
    (line,) = await lines(tailing, 1)
    cursor = (await server.get("/api/channels/shown/info")).json()["cursor"]
    assert json.loads(line) == {
        "channel": "shown", "id": cursor, "event": "message", "data": "after"
    }  # fmt: skip
    await end(tailing)
    again = await start(server.port, "tail", "--channel", "shown", "--cursor", cursor)
    await watched(server, "shown")
    await post(server, "shown", "later")
    assert await lines(again, 1) == ["shown\tmessage\tlater"]
    await end(again)


@pytest.mark.parametrize("arguments", [[], ["http://127.0.0.1:1/", "--channel", "a"]])
async def test_tail_wants_a_url_or_channels(arguments: list[str]) -> None:
    outcome = await run(1, "tail", *arguments)
    assert outcome.status == 2 and "either a URL or channels" in outcome.told
