"""The command line, as a process of its own: what it prints, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.nginx import free_port
from tests.e2e.tidewire_process import COMMAND, TidewireProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIG = """
default_model = "quick"
[models.quick]
api = "demo"
first_token_seconds = 0
tokens_per_second = 0
[models.slow]
api = "demo"
first_token_seconds = 0
tokens_per_second = 20
[models.late]
api = "demo"
first_token_seconds = 60
[models.away]
api = "openai"
base_url = "http://127.0.0.1:9/v1"
max_retries = 0
"""


class Outcome(NamedTuple):
    status: int
    said: str
    told: str
    """What was written on stderr."""


class Command:
    """``tidewire …``, running."""

    @classmethod
    async def start(
        cls, *arguments: str, output: int = asyncio.subprocess.PIPE, **environment: str
    ) -> Command:
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            COMMAND,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "100", **environment},
        )
        return self

    async def end(self, input: str = "") -> Outcome:
        try:
            async with asyncio.timeout(40):
                said, told = await self.process.communicate(input.encode())
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise
        assert self.process.returncode is not None
        return Outcome(self.process.returncode, (said or b"").decode(), told.decode())


async def tidewire(
    *arguments: str, input: str = "", output: int = asyncio.subprocess.PIPE, **environment: str
) -> Outcome:
    return await (await Command.start(*arguments, output=output, **environment)).end(input)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TidewireProcess]:
    process = TidewireProcess(tmp_path_factory.mktemp("cli"), CONFIG)
    try:
        yield await process.start()
    finally:
        await process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stream(server: TidewireProcess) -> tuple[str, str]:
    """The URL of an answer that has ended, and its text."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        asked = await client.post("/api/chat?dialect=chunk", json={"message": "a table, 月"})
    lines = [line[6:] for line in asked.text.splitlines() if line.startswith("data: ")]
    text = "".join(json.loads(line).get("content", "") for line in lines)
    return server.url + asked.headers["location"], text


# help and version


@pytest.mark.parametrize("command", ["serve", "ask", "tail"])
async def test_every_command_explains_itself(command: str) -> None:
    assert command in (await tidewire("--help")).said
    outcome = await tidewire(command, "--help")
    assert outcome.status == 0
    assert f"tidewire {command}" in outcome.said


async def test_what_serve_does_without_options_is_said() -> None:
    said = (await tidewire("serve", "--help")).said
    for default in ("127.0.0.1", "8400", "./data"):
        assert f"[default: ({default})]" in said


async def test_a_version_and_a_wrong_command() -> None:
    said = (await tidewire("version")).said
    assert said.count(".") == 2
    assert (await tidewire("--version")).said == said
    outcome = await tidewire("serv")
    assert (outcome.status, outcome.said) == (2, "")
    assert "No such command" in outcome.told


# ask


async def test_ask_prints_the_answer_and_tells_the_session(server: TidewireProcess) -> None:
    outcome = await tidewire("ask", "Why a table?", "--server", server.url)
    assert outcome.status == 0
    assert "demo model" in outcome.said
    assert "[session " in outcome.told
    session = outcome.told.partition("[session ")[2].partition("]")[0]
    again = await tidewire("ask", "And then?", "--session", session, TIDEWIRE_SERVER=server.url)
    assert again.status == 0
    assert session in again.told


async def test_ask_shows_reasoning_and_tools_apart(server: TidewireProcess) -> None:
    outcome = await tidewire(
        "ask", "Why? And the weather?", "--reasoning", "--server", server.url + "/"
    )
    assert "[calls get_weather]" in outcome.told
    assert len(outcome.told) > 200


async def test_ask_says_how_to_answer(server: TidewireProcess) -> None:
    async def ask(options: str) -> Outcome:
        return await tidewire("ask", "m", "--server", server.url, "--options", options)

    short, wrong, unread = await asyncio.gather(
        ask('{"max_tokens": 2, "seed": 1}'), ask('{"top_p": 7}'), ask("top_p=7")
    )
    assert (short.status, 0 < len(short.said) < 30) == (0, True)
    assert (wrong.status, "options.top_p" in wrong.told) == (2, True)
    assert (unread.status, "no JSON object" in unread.told) == (2, True)


async def test_ask_says_what_is_wrong(server: TidewireProcess) -> None:
    outcome = await tidewire("ask", "m", "--model", "none", "--server", server.url)
    assert (outcome.status, outcome.said) == (2, "")
    assert outcome.told == ("tidewire: There is no model 'none'. Known: quick, slow, late, away.\n")


async def test_ask_says_that_the_model_failed(server: TidewireProcess) -> None:
    outcome = await tidewire("ask", "m", "--model", "away", "--server", server.url)
    assert outcome.status == 1
    assert "The answer failed: The model API cannot be reached." in outcome.told
    assert "(upstream_unreachable)" in outcome.told


async def test_ctrl_c_stops_the_answer_on_the_server(server: TidewireProcess) -> None:
    asking = await Command.start("ask", "long", "--model", "slow", "--server", server.url)
    assert asking.process.stdout
    await asking.process.stdout.readexactly(20)
    asking.process.send_signal(signal.SIGINT)
    outcome = await asking.end()
    assert outcome.status == 130
    assert outcome.told.strip().startswith("[stopped]")
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert "tidewire_runs 0.0" in (await client.get("/metrics")).text


async def test_ctrl_c_stops_an_answer_of_which_nothing_was_heard(server: TidewireProcess) -> None:
    """The head is held back, and with it which run it is."""
    asking = await Command.start("ask", "long", "--model", "late", "--server", server.url)
    async with httpx.AsyncClient(base_url=server.url) as client:
        while "tidewire_runs 1.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.02)
        asking.process.send_signal(signal.SIGINT)
        outcome = await asking.end()
        assert (outcome.status, outcome.told.strip()) == (130, "[stopped]")
        assert "tidewire_runs 0.0" in (await client.get("/metrics")).text


async def test_ask_over_a_bad_line_prints_the_answer_once(
    server: TidewireProcess, stream: tuple[str, str]
) -> None:
    cuts = iter([200, 900, 1500, 4000])
    async with CuttingProxy(server.port, lambda _: next(cuts, None)) as proxy:
        outcome = await tidewire("ask", "a table, 月", "--server", proxy.url)
        posts = [request for request in proxy.requests if request.startswith("POST")]
    assert outcome.status == 0
    assert "月" in outcome.said
    assert outcome.told.count("[the connection broke; again in") == 4
    assert len(posts) == 2  # the first of them was cut in its head
    keys = {line for request in posts for line in request.split("\r\n") if "Idem" in line}
    assert len(keys) == 1


async def test_ask_waits_for_a_server_that_restarts_in_the_middle(server: TidewireProcess) -> None:
    """Longer than for one that never answered: a restart takes a while."""
    async with CuttingProxy(server.port) as proxy:
        options = ("--model", "slow", "--options", '{"max_tokens": 80}', "--server", proxy.url)
        asking = await Command.start("ask", "a harbour", *options)
        assert asking.process.stdout
        assert asking.process.stderr
        await asking.process.stdout.read(1)
        proxy.is_down = True
        proxy.cut_all()
        for _ in range(4):
            assert b"; again in " in await asking.process.stderr.readline()
        proxy.is_down = False
        outcome = await asking.end()
    assert outcome.status == 0
    assert "> a harbour" in outcome.said


# tail


async def test_tail_prints_events_texts_or_json(stream: tuple[str, str]) -> None:
    url, text = stream
    plain = await tidewire("tail", url)
    first = plain.said.splitlines()[0].split("\t")
    assert first[1] == "run.started"
    assert plain.said.splitlines()[-1].split("\t")[1] == "run.finished"
    assert (await tidewire("tail", url, "--text")).said == text + "\n"
    lines = [json.loads(line) for line in (await tidewire("tail", url, "--json")).said.splitlines()]
    assert (lines[0]["id"], lines[0]["event"]) == (first[0], "run.started")
    assert len(lines) == len(plain.said.splitlines())


async def test_tail_begins_where_it_is_told(stream: tuple[str, str]) -> None:
    url, _ = stream
    every = (await tidewire("tail", url)).said.splitlines()
    assert (await tidewire("tail", url, "--from", "2")).said.splitlines() == every[-2:]
    assert (await tidewire("tail", url, "--from", "now")).said == ""
    cursor = every[3].split("\t")[0]
    assert (await tidewire("tail", url, "--cursor", cursor)).said.splitlines() == every[4:]


async def test_tail_resumes_by_itself(server: TidewireProcess, stream: tuple[str, str]) -> None:
    url, text = stream
    cuts = iter([600, 700, 800])
    async with CuttingProxy(server.port, lambda _: next(cuts, None)) as proxy:
        path = url.removeprefix(server.url)
        outcome = await tidewire("tail", proxy.url + path, "--text")
    assert outcome.said == text + "\n"
    assert outcome.told.count("again in") == 3


async def test_tail_says_that_there_is_no_such_stream(server: TidewireProcess) -> None:
    outcome = await tidewire("tail", f"{server.url}/api/streams/run_none")
    assert (outcome.status, outcome.said) == (2, "")
    assert outcome.told.startswith("tidewire: ")
    assert "Traceback" not in outcome.told


async def test_tail_waits_for_a_server_and_says_so() -> None:
    port = free_port()
    tailing = await Command.start("tail", f"http://127.0.0.1:{port}/api/streams/run_1")
    assert tailing.process.stderr
    told = await tailing.process.stderr.readline()
    assert told.startswith(f"[127.0.0.1:{port} cannot be reached; again in ".encode())
    tailing.process.send_signal(signal.SIGINT)
    assert (await tailing.end()).status == 130


# publish


async def test_ctrl_c_ends_publish_while_it_waits_for_a_line() -> None:
    terminal, line = os.openpty()
    process = await asyncio.create_subprocess_exec(
        COMMAND, "publish", "news", stdin=line, stderr=asyncio.subprocess.PIPE
    )
    os.close(line)
    try:
        assert process.stderr
        assert b"Ctrl+D ends" in await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(15):
            assert await process.wait() == 130
        assert await process.stderr.read() == b"[0 published]\n"
    finally:
        os.close(terminal)


async def test_publish_tells_how_many_lines_it_got_to(server: TidewireProcess) -> None:
    lines = '{"data": 1}\n{"data": 2}\nno JSON\n{"data": 3}\n'
    outcome = await tidewire("publish", "news", "--json", "--server", server.url, input=lines)
    assert (outcome.status, outcome.said) == (2, "")
    assert outcome.told == "[2 published]\ntidewire: The body is not valid JSON.\n"


# what cannot be asked


async def test_a_server_that_is_not_there_is_named() -> None:
    port = free_port()
    outcome = await tidewire("ask", "m", "--server", f"http://127.0.0.1:{port}")
    assert outcome.status == 2
    assert f"127.0.0.1:{port} cannot be reached. Does tidewire serve run there?" in outcome.told


async def test_a_full_disk_is_said(stream: tuple[str, str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    outcome = await tidewire("tail", stream[0], output=full)
    os.close(full)
    assert (outcome.status, outcome.told.count("\n")) == (2, 1)
    assert "the disk is full" in outcome.told


async def test_texts_are_utf_8_in_every_locale(server: TidewireProcess) -> None:
    ascii = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    latin = {**ascii, "PYTHONIOENCODING": "latin-1:strict"}
    *asked, published = await asyncio.gather(
        tidewire("ask", "größe 月", TIDEWIRE_SERVER=server.url, **ascii),
        tidewire("ask", "größe 月", TIDEWIRE_SERVER=server.url, **latin),
        tidewire("publish", "heights", TIDEWIRE_SERVER=server.url, input="größe\n", **ascii),
    )
    assert published.status == 0
    assert all("> größe 月\n" in outcome.said for outcome in asked)
    async with httpx.AsyncClient(base_url=server.url) as client:
        polled = await client.get("/api/channels/heights?mode=poll&from=start")
    assert polled.json()["events"][0]["data"] == "größe"


# serve


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not valid TOML"),
        ("prot = 1", "prot: there is no such setting"),
        ("[models.m]\napi = 'gpt'", "models.m.api is 'gpt'; it must be one of: "),
        ("[models.m]\napi = 'openai'\nbase = 1", "models.m.base is not known; there are: "),
        ("[log]\nurl = 'mysql://x'", "is neither memory:// nor sqlite:///"),
        ("host = '0.0.0.0'", "Listening on 0.0.0.0 would let anybody in"),
    ],
)
async def test_serve_says_what_is_wrong_with_the_settings(
    tmp_path: Path, text: str, said: str
) -> None:
    config = tmp_path / "tidewire.toml"
    config.write_text(text)
    outcome = await tidewire("serve", "--config", str(config), "--data", str(tmp_path))
    assert outcome.status == 2
    assert outcome.told.startswith("tidewire: ")
    assert said in outcome.told
    assert outcome.told.count("\n") == 1


async def test_serve_wants_a_secret_before_it_listens_to_everybody(tmp_path: Path) -> None:
    port = str(free_port())
    options = ("--host", "0.0.0.0", "--port", port, "--data", str(tmp_path))
    outcome = await tidewire("serve", *options)
    assert outcome.status == 2
    assert "TIDEWIRE_AUTH__SECRET" in outcome.told
    serving = await Command.start("serve", *options, TIDEWIRE_AUTH__SECRET="sesame")
    try:
        assert await _status(int(port), "/api/models") == 401
    finally:
        serving.process.terminate()
        assert "sesame" not in (await serving.end()).told


async def test_serve_reads_its_port_from_the_environment(tmp_path: Path) -> None:
    port = str(free_port())
    serving = await Command.start("serve", "--data", str(tmp_path), TIDEWIRE_PORT=port)
    try:
        assert await _status(int(port), "/api/models") == 200
    finally:
        serving.process.terminate()
        assert (await serving.end()).status in (0, -signal.SIGTERM)


async def test_serve_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        outcome = await tidewire("serve", "--port", port, "--data", str(tmp_path))
    assert outcome.status != 0
    assert f"Port {port} of 127.0.0.1 is taken: another program listens there." in outcome.told
    assert "Traceback" not in outcome.told


async def test_serve_says_that_its_data_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    outcome = await tidewire("serve", "--port", "0", "--data", str(tmp_path / "taken"))
    assert outcome.status != 0
    assert f"Cannot open {tmp_path / 'taken' / 'log.db'}: " in outcome.told
    assert "ERROR The log cannot be opened: its files cannot be used.\n" in outcome.told
    assert "Traceback" not in outcome.told


async def test_a_second_ctrl_c_ends_serve_without_a_traceback(tmp_path: Path) -> None:
    port = str(free_port())
    serving = await Command.start("serve", "--port", port, "--data", str(tmp_path))
    assert await _status(int(port), "/api/models") == 200
    serving.process.send_signal(signal.SIGINT)
    serving.process.send_signal(signal.SIGTERM)  # two of one kind may be taken for one
    assert "Traceback" not in (await serving.end()).told


@pytest.mark.parametrize("port", ["-1", "65536", "high"])
async def test_serve_wants_a_port_that_exists(tmp_path: Path, port: str) -> None:
    outcome = await tidewire("serve", "--port", port, "--data", str(tmp_path))
    assert outcome.status == 2
    assert "--port" in outcome.told


async def _status(port: int, path: str) -> int:
    """The status that the server answers with, once it listens."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            try:
                return (await client.get(path)).status_code
            except httpx.ConnectError:
                await asyncio.sleep(0.05)  # another process: there is nothing to wait for
