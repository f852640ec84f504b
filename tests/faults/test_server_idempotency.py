"""A question that is asked again joins its answer: never a second generation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.faults.fake_upstream import Exchange, FakeUpstream
from tests.faults.scripted import CONFIG, question, say
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection, ask, text_of
from tidewire.wire.parser import ServerSentEvent

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECES = ["High ", "water ", "at ", "six."]
GET = "/api/chat?message=When"


class House(NamedTuple):
    server: ServerProcess
    upstream: FakeUpstream

    @property
    def asked(self) -> int:
        """How often the model API was asked."""
        return len(self.upstream.exchanges)

    async def get(self, target: str, cursor: str = "") -> tuple[Connection, list[ServerSentEvent]]:
        headers = {"Last-Event-ID": cursor} if cursor else {}
        connection = await Connection.open(self.server.port, "GET", target, headers=headers)
        try:
            return connection, await connection.rest()
        finally:
            connection.cut()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("idempotency")

    busy = ["Are you busy?"] * 3  # the server asks three times by itself

    async def behave(exchange: Exchange) -> None:
        if (asked := question(exchange)) in busy:
            busy.remove(asked)
            await exchange.reply(429, b'{"error":{"message":"Busy."}}')
            return
        await say(exchange, PIECES, pause_seconds=0.05)

    async with FakeUpstream(behave) as upstream:
        server = await ServerProcess(folder, CONFIG.format(url=upstream.url)).start()
        yield House(server, upstream)
        await server.stop()
        assert "Traceback" not in server.log


async def test_the_same_key_at_the_same_time(house: House) -> None:
    before = house.asked
    headers = {"Idempotency-Key": "the same"}
    answers = await asyncio.gather(
        *(ask(house.server.port, "When?", headers=headers) for _ in range(10))
    )
    assert house.asked == before + 1
    assert len({connection.headers["x-run-id"] for connection, _ in answers}) == 1
    for _, events in answers:
        assert events == answers[0][1]
        assert text_of(events) == "".join(PIECES)


async def test_the_same_key_later(house: House) -> None:
    headers = {"Idempotency-Key": "later"}
    _, first = await ask(house.server.port, "When?", headers=headers)
    before = house.asked
    _, again = await ask(house.server.port, "When?", headers=headers)
    assert again == first
    assert house.asked == before


async def test_a_key_is_tried_again_after_a_refusal(house: House) -> None:
    """Nothing was said, so nothing can be joined – and nothing is said twice."""
    headers = {"Idempotency-Key": "busy"}
    connection, _ = await ask(house.server.port, "Are you busy?", headers=headers)
    assert connection.status == 429
    before = house.asked
    connection, first = await ask(house.server.port, "Are you busy?", headers=headers)
    assert (connection.status, text_of(first)) == (200, "".join(PIECES))
    _, again = await ask(house.server.port, "Are you busy?", headers=headers)
    assert again == first
    assert house.asked == before + 1


async def test_who_joins_learns_the_session_of_the_run(house: House) -> None:
    headers = {"Idempotency-Key": "session"}
    first, events = await ask(house.server.port, "When?", headers=headers)
    again, _ = await ask(house.server.port, "When?", headers=headers)
    resumed, _ = await house.get(GET, events[3].id)
    sessions = {c.headers["x-session-id"] for c in (first, again, resumed)}
    assert len(sessions) == 1


async def test_a_repeated_get_goes_on_after_its_cursor(house: House) -> None:
    """What a native EventSource does when its connection breaks."""
    before = house.asked
    connection = await Connection.open(house.server.port, "GET", GET)
    first: list[ServerSentEvent] = []
    while not text_of(first):
        first += await connection.read() or []
    connection.cut()
    _, rest = await house.get(GET, first[-1].id)
    assert text_of(first + rest) == "".join(PIECES)
    assert house.asked == before + 1
    again, nothing = await house.get(GET, rest[-1].id)
    assert (again.status, nothing) == (204, [])  # EventSource stops at this


async def test_a_get_cut_before_the_first_event_has_a_cursor_already(house: House) -> None:
    before = house.asked
    connection = await Connection.open(house.server.port, "GET", GET)
    while not connection.parser.last_event_id:
        assert await connection.read(1) is not None
    cursor = connection.parser.last_event_id
    connection.cut()
    _, events = await house.get(GET, cursor)
    assert text_of(events) == "".join(PIECES)
    assert house.asked == before + 1


async def test_minus_one_is_no_cursor(house: House) -> None:
    before = house.asked
    _, events = await house.get(GET, "-1")
    assert text_of(events) == "".join(PIECES)
    assert house.asked == before + 1


@pytest.mark.parametrize(
    ("cursor", "status", "code"),
    [
        ("zzzzzz-5", 410, "gone"),
        ("zzzzzz-0", 410, "gone"),
        ("no cursor", 400, "invalid_cursor"),
        ("a-1.a-2", 400, "invalid_cursor"),
        ("x" * 5000, 400, "invalid_cursor"),
        ("7", 400, "invalid_cursor"),
    ],
)
async def test_a_cursor_that_leads_nowhere_starts_nothing(
    house: House, cursor: str, status: int, code: str
) -> None:
    before = house.asked
    for method, body in (("GET", None), ("POST", {"message": "When?"})):
        connection = await Connection.open(
            house.server.port, method, GET, headers={"Last-Event-ID": cursor}, body=body
        )
        assert await connection.rest() == []
        connection.cut()
        assert (connection.status, json.loads(connection.body)["error"]["code"]) == (status, code)
    assert house.asked == before
