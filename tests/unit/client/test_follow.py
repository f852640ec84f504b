"""Following a stream: what is sent when, when it gives up, and that nothing comes twice."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.client.fake_server import FakeServer, refusal, stream
from tidewire.client import Backoff, Following, follow
from tidewire.errors import BadRequest, ServerRefused, TooLarge

FINISHED = "id: e-9\nevent: run.finished\ndata: {}\n\n"
HEAD = "Location: /api/streams/run_1\r\nX-Run-Id: run_1\r\nX-Session-Id: s1\r\n"
CUT_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/ev"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


class Reading:
    """One following with time that does not pass."""

    def __init__(self, url: str, **options: Any) -> None:
        self.slept: list[float] = []
        self.reasons: list[str] = []
        self.following = Following(url)
        self.events: list[tuple[str, str]] = []
        self._options = {
            "following": self.following,
            "backoff": Backoff(base_seconds=1.0, random=lambda: 1.0),
            "sleep": self._sleep,
            "on_wait": lambda _, reason: self.reasons.append(reason),
            **options,
        }

    async def read(self) -> list[tuple[str, str]]:
        """(id, event) of all that came."""
        async for event in follow(self.following.url, **self._options):
            self.events.append((event.id, event.event))
        return self.events

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def deltas(*ids: int) -> str:
    return "".join(f"id: e-{id}\nevent: text.delta\ndata: {{}}\n\n" for id in ids)


async def test_a_stream_is_read_to_its_last_event() -> None:
    async with FakeServer(stream(deltas(1, 2) + FINISHED + deltas(10))) as server:
        reading = Reading(server.url)
        assert await reading.read() == [
            ("e-1", "text.delta"),
            ("e-2", "text.delta"),
            ("e-9", "run.finished"),
        ]
    assert (server.methods, reading.slept) == (["GET"], [])


async def test_a_stream_without_ids_is_not_asked_for_again_when_it_has_ended() -> None:
    answers = [stream("retry: 9\n\n"), stream("data: one\n\ndata: [DONE]\n\n")]
    async with FakeServer(*answers) as server:
        assert await Reading(server.url).read() == [("", "message"), ("", "message")]
    assert server.methods == ["GET", "GET"]  # nothing had come by the first


async def test_a_stream_without_ids_that_broke_is_given_up() -> None:
    async with FakeServer(stream("data: one\n\n", "Content-Length: 99\r\n")) as server:
        reading = Reading(server.url)
        with pytest.raises(ServerRefused, match="Gave up: .*, in a stream without ids"):
            await reading.read()
    assert (reading.events, server.methods) == ([("", "message")], ["GET"])


async def test_an_endless_stream_without_ids_goes_on_with_the_next_connection() -> None:
    async with FakeServer(*[stream("data: now\n\n")] * 2, EMPTY) as server:
        assert len(await Reading(server.url, endless=True).read()) == 2


async def test_a_question_is_sent_once_and_its_answer_resumed_where_it_is() -> None:
    cut = stream(deltas(1, 2) + "id: e-3\nevent: text.del", HEAD)
    async with FakeServer(cut, stream(deltas(3)), stream(FINISHED)) as server:
        reading = Reading(server.url, question={"message": "why"}, headers={"X-Mine": "1"})
        events = await reading.read()
    assert [id for id, _ in events] == ["e-1", "e-2", "e-3", "e-9"]
    asked, resumed, last = server.requests
    assert (asked.method, asked.target, asked.body) == ("POST", "/api/chat", {"message": "why"})
    assert (resumed.method, resumed.target) == ("GET", "/api/streams/run_1")
    assert (last.method, last.target) == ("GET", "/api/streams/run_1")
    assert "last-event-id" not in asked.headers
    assert resumed.headers["last-event-id"] == "e-2"
    assert last.headers["last-event-id"] == "e-3"
    assert all(request.headers["x-mine"] == "1" for request in server.requests)
    following = reading.following
    assert (following.run, following.session, following.cursor) == ("run_1", "s1", "e-9")
    assert following.connections == 3
    assert reading.reasons == ["the connection ended"] * 2


async def test_until_the_head_has_come_the_question_is_repeated_under_one_key() -> None:
    async with FakeServer(b"", CUT_HEAD, refusal(503), stream(FINISHED, HEAD)) as server:
        reading = Reading(server.url, question={"message": "why"})
        await reading.read()
    assert server.methods == ["POST"] * 4
    keys = {request.headers["idempotency-key"] for request in server.requests}
    assert len(keys) == 1
    assert len(keys.pop()) >= 32


async def test_a_head_alone_is_enough_never_to_ask_again() -> None:
    async with FakeServer(stream("", HEAD), stream(FINISHED)) as server:
        await Reading(server.url, question={"message": "why"}).read()
    assert server.methods == ["POST", "GET"]
    assert "last-event-id" not in server.requests[1].headers


async def test_a_question_that_was_refused_for_now_is_repeated_under_its_key() -> None:
    async with FakeServer(refusal(502, "It broke.", HEAD), stream(FINISHED)) as server:
        await Reading(server.url, question={"message": "why"}).read()
    first, second = server.requests
    assert (first.method, second.method) == ("POST", "POST")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_cursor_is_taken_from_an_id_without_an_event() -> None:
    async with FakeServer(stream("id: e-0\nretry: 7\n\n"), stream(FINISHED)) as server:
        reading = Reading(server.url)
        await reading.read()
    assert server.requests[1].headers["last-event-id"] == "e-0"


async def test_following_may_begin_after_a_cursor() -> None:
    async with FakeServer(stream(deltas(6)), EMPTY) as server:
        reading = Reading(server.url, cursor="e-5")
        assert await reading.read() == [("e-6", "text.delta")]
    sent = [request.headers["last-event-id"] for request in server.requests]
    assert sent == ["e-5", "e-6"]  # and 204 is the end


async def test_delays_grow_without_an_event_and_start_over_with_one() -> None:
    no = refusal(503)
    async with FakeServer(no, no, stream(deltas(1)), no, stream(FINISHED)) as server:
        reading = Reading(server.url)
        await reading.read()
    assert reading.slept == [1.0, 2.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (stream("retry: 5000\n\n"), 5.0),
        (refusal(429, "Slow down.", "Retry-After: 7\r\n"), 7.0),
        (refusal(503, "Later.", "Retry-After: 99999\r\n"), 30.0),
        (refusal(503, "Later.", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n"), 1.0),
        (refusal(503, "Later.", "Retry-After: ²\r\n"), 1.0),
    ],
)
async def test_what_the_server_asks_for_is_waited(answer: bytes, delay: float) -> None:
    async with FakeServer(answer, stream(FINISHED)) as server:
        reading = Reading(server.url)
        await reading.read()
    assert reading.slept == [delay]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_server_in_trouble_is_asked_again(status: int) -> None:
    async with FakeServer(refusal(status, "Wait."), stream(FINISHED)) as server:
        reading = Reading(server.url)
        assert await reading.read() == [("e-9", "run.finished")]
    assert reading.reasons == ["Wait"]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 413, 501])
async def test_a_refusal_that_time_does_not_mend_is_final(status: int) -> None:
    async with FakeServer(refusal(status, "No."), stream(FINISHED)) as server:
        with pytest.raises(ServerRefused, match="No") as error:
            await Reading(server.url).read()
    assert error.value.status == status
    assert server.methods == ["GET"]


async def test_a_refusal_in_another_shape_is_described() -> None:
    async with FakeServer(refusal(404)) as server:
        with pytest.raises(ServerRefused, match="/api/chat answers 404 Status"):
            await Reading(server.url).read()


async def test_a_page_is_not_taken_for_a_stream() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Log in</h1>"
    async with FakeServer(page) as server:
        with pytest.raises(ServerRefused, match="answers with text/html, not an event stream"):
            await Reading(server.url).read()


async def test_it_gives_up_after_so_many_tries_without_an_event() -> None:
    nothing = stream(": nothing\n")
    async with FakeServer(refusal(503), stream(deltas(1)), nothing, nothing, nothing) as server:
        reading = Reading(server.url, max_attempts=3)
        with pytest.raises(ServerRefused, match="Gave up: the connection ended"):
            await reading.read()
    assert reading.events == [("e-1", "text.delta")]
    assert len(server.requests) == 5  # one, then one with an event, then three more
    assert reading.slept == [1.0, 1.0, 2.0, 4.0]


async def test_a_greeting_is_no_progress() -> None:
    greeting = stream("event: stream.open\ndata: {}\n\n")
    async with FakeServer(greeting, greeting, greeting, stream(FINISHED)) as server:
        reading = Reading(server.url)
        await reading.read()
    assert reading.slept == [1.0, 2.0, 4.0]


async def test_a_connection_that_lasted_is_progress() -> None:
    greeting, clock = stream("event: stream.open\ndata: {}\n\n"), itertools.count(0.0, 30.0)
    async with FakeServer(greeting, greeting, greeting, stream(FINISHED)) as server:
        reading = Reading(server.url, now=lambda: next(clock))
        await reading.read()
    assert reading.slept == [1.0, 1.0, 1.0]


async def test_a_connection_that_says_nothing_is_left() -> None:
    silent = stream(deltas(1)) + FakeServer.HOLD
    async with FakeServer(silent, stream(FINISHED)) as server:
        reading = Reading(server.url, silence_seconds=0.5)
        assert [id for id, _ in await reading.read()] == ["e-1", "e-9"]
    assert reading.reasons == ["no answer in time"]


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with FakeServer() as server:
        pass
    reading = Reading(server.url, max_attempts=1)
    with pytest.raises(ServerRefused, match=r"Gave up: 127\.0\.0\.1:\d+ cannot be reached"):
        await reading.read()
    assert reading.reasons == [f"{urlsplit(server.url).netloc} cannot be reached"]


@pytest.mark.parametrize("url", ["run_1", "ftp://127.0.0.1/x", "http://", "http://[::1"])
async def test_a_url_that_is_none_is_not_tried_again(url: str) -> None:
    with pytest.raises(BadRequest, match="is not an http or https URL"):
        await Reading(url).read()


async def test_an_event_that_is_too_large_is_an_error_and_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("tidewire.client.follow"), "MAX_EVENT_BYTES", 1000)
    async with FakeServer(stream(deltas(1) + "data: " + "x" * 200_000)) as server:
        reading = Reading(server.url)
        with pytest.raises(TooLarge, match="more than 1000 bytes"):
            await reading.read()
    assert reading.events == [("e-1", "text.delta")]
    assert server.methods == ["GET"]


async def test_an_event_of_megabytes_is_read() -> None:
    file = "id: e-1\nevent: file\ndata: " + "x" * (5 << 20) + "\n\n"
    async with FakeServer(stream(file + FINISHED)) as server:
        assert len(await Reading(server.url).read()) == 2


async def test_who_stops_iterating_leaves_the_connection() -> None:
    async with FakeServer(stream(deltas(1, 2)) + FakeServer.HOLD) as server:
        events = follow(server.url)
        async for event in events:
            assert event.id == "e-1"
            break
        await events.aclose()
    assert server.methods == ["GET"]
