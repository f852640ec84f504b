"""What a viewer sees when the model API breaks: a status, or an event, and the text so far."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.faults.fake_upstream import DONE, FINISH, Behaviour, Exchange, FakeUpstream, chunk, said
from tests.faults.server_process import ServerProcess, free_port
from tests.faults.viewer import ask, text_of
from tidewire.wire.parser import ServerSentEvent

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "sk-very-secret"
MAX_SECONDS = 4
SILENCE_SECONDS = 2.0
FIRST_EVENT_SECONDS = 1.4
"""Less than the two for which a server holds its status back."""
CONFIG = """
[runs]
max_seconds = {max_seconds}
[models.scripted]
api = "openai"
base_url = "{url}"
api_key = "{key}"
silence_timeout_seconds = {silence}
first_event_timeout_seconds = {first_event}
[models.away]
api = "openai"
base_url = "http://127.0.0.1:{closed}/v1"
max_retries = 0
"""


class House(NamedTuple):
    server: ServerProcess
    upstream: FakeUpstream

    async def ask(
        self, behave: Behaviour, **body: Any
    ) -> tuple[int | None, Any, list[ServerSentEvent]]:
        """Status, error (if it is one) and events of one answer."""
        self.upstream.behave = behave
        connection, events = await ask(self.server.port, "What is a tide?", **body)
        assert connection.is_complete
        if connection.status == 200:
            return 200, json.loads(events[-1].data), events
        for secret in (KEY, "Traceback", "aiohttp", ".py"):
            assert secret not in connection.body.decode()
        error = json.loads(connection.body)["error"]
        assert set(error) == {"code", "message", "retryable"}
        return connection.status, {**error, **_retry_after(connection.headers)}, events


def _retry_after(headers: dict[str, str]) -> dict[str, str]:
    return {"after": headers["retry-after"]} if "retry-after" in headers else {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One server and one model API for all tests of this file."""
    folder: Path = tmp_path_factory.mktemp("faults")
    async with FakeUpstream(lambda exchange: exchange.hang()) as upstream:
        config = CONFIG.format(
            url=upstream.url, key=KEY, silence=SILENCE_SECONDS,
            first_event=FIRST_EVENT_SECONDS, max_seconds=MAX_SECONDS, closed=free_port(),
        )  # fmt: skip
        server = await ServerProcess(folder, config).start()
        yield House(server, upstream)
        await server.stop()
        assert "Traceback" not in server.log


# Before the first event: an HTTP status


@pytest.mark.parametrize(
    ("status", "headers", "code", "retryable", "after"),
    [
        (401, "", "upstream_unauthorized", False, None),
        (429, "Retry-After: 7\r\n", "upstream_rate_limited", True, "7"),
        (500, "", "upstream_refused", True, None),
    ],
)
async def test_a_refusal_is_an_http_status(
    house: House, status: int, headers: str, code: str, retryable: bool, after: str | None
) -> None:
    body = json.dumps({"error": {"message": f"No, not with {KEY}."}}).encode()
    got, error, _ = await house.ask(lambda x: x.reply(status, body, headers=headers))
    assert (got, error["code"], error["retryable"]) == (status, code, retryable)
    assert error.get("after") == after


async def test_a_connection_refused_is_502(house: House) -> None:
    got, error, _ = await house.ask(lambda x: x.hang(), model="away")
    assert (got, error["code"], error["retryable"]) == (502, "upstream_unreachable", True)


async def test_no_first_event_is_504(house: House) -> None:
    got, error, _ = await house.ask(lambda x: x.hang())
    assert (got, error["code"]) == (504, "upstream_timeout")


# After it: an event, and what was said is kept


async def _break_off(exchange: Exchange) -> None:
    await exchange.start()
    for piece in said("High ", "wa"):
        await exchange.send(piece)
    await asyncio.sleep(0.1)  # aborting discards what was not sent yet
    exchange.abort()


async def test_a_break_in_the_middle(house: House) -> None:
    status, failed, events = await house.ask(_break_off)
    assert status == 200
    assert text_of(events) == "High wa"
    assert [event.event for event in events[-3:]] == ["text.end", "usage", "run.failed"]
    assert (failed["code"], failed["retryable"]) == ("upstream_broken", True)


async def _fall_silent(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.send(chunk({"content": "Low"}))
    await exchange.hang()


async def test_silence(house: House) -> None:
    _, failed, events = await house.ask(_fall_silent)
    assert text_of(events) == "Low"
    assert (failed["code"], failed["retryable"]) == ("upstream_timeout", True)
    assert house.upstream.exchanges[-1].gone.is_set()


async def _never_end(exchange: Exchange) -> None:
    await exchange.start()
    while not exchange.gone.is_set():
        await exchange.send(chunk({"content": "more "}))
        await asyncio.sleep(0.02)


async def test_it_never_ends(house: House) -> None:
    async with asyncio.timeout(MAX_SECONDS + 15):
        _, failed, events = await house.ask(_never_end)
    assert text_of(events).startswith("more more more")
    assert failed["code"] == "limit_exceeded"
    async with asyncio.timeout(10):
        await house.upstream.exchanges[-1].gone.wait()


@pytest.mark.parametrize("begun", [False, True], ids=["at first", "in the middle"])
async def test_50_mb_in_one_line(house: House, begun: bool) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.start()
        if begun:
            await exchange.send(chunk({"content": "Low"}))
        await exchange.send(b"data: ")
        for _ in range(50):
            await exchange.send(b"x" * 1_000_000)

    before = house.server.rss
    status, error, events = await house.ask(behave)
    grown = house.server.rss - before
    assert status == (200 if begun else 502)
    assert (error["code"], error.get("retryable", False)) == ("upstream_too_large", False)
    assert text_of(events) == ("Low" if begun else "")
    assert grown < 25_000_000, f"{grown} bytes more"


# Strange, and yet an answer


async def test_half_a_character(house: House) -> None:
    whole = chunk({"content": "潮"})
    half = whole.replace("潮".encode(), "潮".encode()[:2])
    _, _, events = await house.ask(lambda x: x.stream(half, *said("!"), FINISH, DONE))
    assert text_of(events) == "\ufffd!"
    assert events[-1].event == "run.finished"


async def test_one_byte_at_a_time(house: House) -> None:
    answer = b"".join([*said("潮水 ", "🌊\r\n", "tide"), FINISH, DONE])
    pieces = [answer[place : place + 1] for place in range(len(answer))]
    _, _, events = await house.ask(lambda x: x.stream(*pieces))
    assert text_of(events) == "潮水 🌊\r\ntide"
    assert events[-1].event == "run.finished"


async def test_a_refusal_whose_body_does_not_come_is_a_status_all_the_same(house: House) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n{")
        await exchange.hang()

    status, error, _ = await house.ask(refuse)
    assert (status, error["code"]) == (401, "upstream_unauthorized")
