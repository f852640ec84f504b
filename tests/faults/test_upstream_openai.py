"""The OpenAI adapter against a model API that breaks: each fault has its clear outcome."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from tests.faults.fake_upstream import (
    DONE,
    FINISH,
    USAGE,
    Behaviour,
    Exchange,
    FakeUpstream,
    chunk,
    said,
)
from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    TextDelta,
    TextEnd,
    TextStart,
    Usage,
)
from tidewire.errors import (
    ModelError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from tidewire.log.memory import MemoryLog
from tidewire.models.answer import Hold, tell
from tidewire.models.base import ChatMessage, ChatRequest, Finish, ToolSpec
from tidewire.models.openai import OpenAI, Settings
from tidewire.server.tide import Tidewire

KEY = "sk-very-secret-key"
QUESTION = ChatRequest([ChatMessage("user", "What is a tide?")])


async def ask(
    behave: Behaviour, request: ChatRequest = QUESTION, **settings: Any
) -> tuple[list[AnswerEvent], ModelError | None]:
    """What the adapter yields, and how it failed if it did."""
    events: list[AnswerEvent] = []
    async with FakeUpstream(behave) as upstream:
        model = OpenAI(
            "gpt", Settings(base_url=upstream.url, api_key=KEY, **{"max_retries": 0, **settings})
        )
        try:
            async for event in model.answer(request):
                events.append(event)
        except ModelError as error:
            return events, error
        finally:
            await model.aclose()
    return events, None


def text(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


async def test_whole_answer() -> None:
    events, error = await ask(lambda x: x.stream(*said("High ", "water."), FINISH, USAGE, DONE))
    assert error is None
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "High "),
        TextDelta("t1", "water."),
        TextEnd("t1"),
        Usage(input_tokens=5, output_tokens=7),
        Finish("stop"),
    ]


async def test_request_on_the_wire() -> None:
    request = ChatRequest(
        [ChatMessage("system", "Be brief."), ChatMessage("user", "潮")],
        tools=[ToolSpec("tide", "When", {"type": "object"})],
        temperature=0.0,
        max_tokens=9,
        stop=["\n"],
        seed=7,
    )
    async with FakeUpstream(lambda x: x.stream(FINISH, DONE)) as upstream:
        model = OpenAI(
            "gpt", Settings(base_url=upstream.url + "/", api_key=KEY, headers={"X-Team": "sea"})
        )
        async for _ in model.answer(request):
            pass
        await model.aclose()
    (exchange,) = upstream.exchanges
    assert exchange.target == "POST /v1/chat/completions HTTP/1.1"
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.headers["x-team"] == "sea"
    assert exchange.headers["accept-encoding"] == "identity"
    assert exchange.body == {
        "model": "gpt",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "潮"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "max_tokens": 9,
        "stop": ["\n"],
        "seed": 7,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "tide",
                    "description": "When",
                    "parameters": {"type": "object"},
                },
            }
        ],
    }


async def test_connection_is_kept_for_the_next_answer() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("one")[0] + FINISH + DONE)
        await asyncio.sleep(0.02)
        await x.end()

    async with FakeUpstream(behave) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        for _ in range(3):
            assert text([event async for event in model.answer(QUESTION)]) == "one"
        await model.aclose()
    assert len(upstream.connections) == 1


async def test_usage_is_estimated_when_the_vendor_sends_none() -> None:
    events, _ = await ask(lambda x: x.stream(*said("tide" * 10), FINISH, DONE))
    assert events[-2] == Usage(input_tokens=8, output_tokens=10, estimated=True)


async def test_one_byte_at_a_time() -> None:
    async def behave(x: Exchange) -> None:
        await x.stream(*[bytes([b]) for b in b"".join([*said("满潮 🌊"), FINISH, USAGE, DONE])])

    events, error = await ask(behave)
    assert (text(events), error) == ("满潮 🌊", None)


async def test_breaks_off_in_the_middle() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("half an ")[0])
        await asyncio.sleep(0.05)  # the reset would discard what is not read yet
        x.abort()

    events, error = await ask(behave)
    assert text(events) == "half an "
    assert type(error) is UpstreamBroken
    assert error.retryable


@pytest.mark.parametrize("tail", [b"", DONE[:9], b": and so on\n\n"], ids=repr)
async def test_ends_without_finish_reason_or_terminator(tail: bytes) -> None:
    events, error = await ask(lambda x: x.stream(*said("half"), tail or b"\n"))
    assert text(events) == "half"
    assert type(error) is UpstreamBroken


async def test_ends_with_half_a_character() -> None:
    half = chunk({"content": "潮"})[:-20]
    half = half[: half.index("潮".encode()) + 1]
    events, error = await ask(lambda x: x.stream(*said("whole"), half))
    assert text(events) == "whole"
    assert type(error) is UpstreamBroken


async def test_missing_terminator_after_the_finish_reason_is_no_loss() -> None:
    events, error = await ask(lambda x: x.stream(*said("all"), FINISH))
    assert error is None
    assert events[-1] == Finish("stop")


async def test_reset_after_the_finish_reason_is_no_loss() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("all")[0] + FINISH)
        await asyncio.sleep(0.05)
        x.abort()

    events, error = await ask(behave)
    assert error is None
    assert events[-1] == Finish("stop")


@pytest.mark.parametrize("together", [True, False])
async def test_nothing_counts_after_the_terminator_however_it_arrives(together: bool) -> None:
    pieces = [*said("High"), FINISH, DONE, *said(" water.")]
    events, error = await ask(lambda x: x.stream(*([b"".join(pieces)] if together else pieces)))
    assert error is None
    assert text(events) == "High"


async def test_terminator_without_finish_reason() -> None:
    events, error = await ask(lambda x: x.stream(*said("all"), DONE))
    assert error is None
    assert events[-1] == Finish("other")


async def test_silence_after_the_finish_reason_is_borne_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tidewire.models.vendor._TRAILER_SECONDS", 0.05)

    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("all")[0] + FINISH)
        await x.hang()

    async with asyncio.timeout(10):  # of silence it would bear a minute
        events, error = await ask(behave)
    assert (events[-1], error) == (Finish("stop"), None)


async def test_usage_is_not_asked_for_where_that_is_refused() -> None:
    async with FakeUpstream(lambda x: x.stream(FINISH, DONE)) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url, include_usage=False))
        async for _ in model.answer(QUESTION):
            pass
        await model.aclose()
    assert "stream_options" not in upstream.exchanges[0].body


async def test_connection_held_open_after_the_terminator_holds_nobody_up() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("all")[0] + FINISH + DONE)
        await x.hang()

    async with asyncio.timeout(10):
        events, error = await ask(behave)
    assert (text(events), error) == ("all", None)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "upstream_refused", False),
        (401, "upstream_unauthorized", False),
        (429, "upstream_rate_limited", True),
        (500, "upstream_refused", True),
        (529, "upstream_overloaded", True),
    ],
)
async def test_refused(status: int, code: str, retryable: bool) -> None:
    body = json.dumps({"error": {"message": "Not now.", "type": "x"}}).encode()
    events, error = await ask(lambda x: x.reply(status, body, headers="Retry-After: 7\r\n"))
    assert events == []
    assert isinstance(error, UpstreamRefused)
    assert (error.code, error.status, error.retryable) == (code, status, retryable)
    assert error.retry_after_seconds == 7
    assert str(error) == f"The model API answered {status}: Not now."


async def test_refusal_that_quotes_the_key() -> None:
    body = json.dumps({"error": {"message": f"Bad key {KEY}\r\nin\x1b[2J"}}).encode()
    _, error = await ask(lambda x: x.reply(401, body))
    assert str(error) == "The model API answered 401: Bad key [redacted] in [2J"


async def test_refusal_in_another_charset() -> None:
    body = '{"error":{"message":"Désolé"}}'.encode("latin-1")
    _, error = await ask(lambda x: x.reply(429, body))
    assert str(error) == "The model API answered 429: D\ufffdsol\ufffd"


async def test_error_page() -> None:
    page = b"<html><h1>502 Bad Gateway</h1></html>"
    _, error = await ask(lambda x: x.reply(502, page, content_type="text/html"))
    assert str(error) == "The model API answered 502."


async def test_refusal_whose_body_breaks_off_is_still_a_refusal() -> None:
    async def behave(x: Exchange) -> None:
        await x.raw(b"HTTP/1.1 429 No\r\nContent-Length: 100\r\n\r\n{")
        x.abort()

    _, error = await ask(behave)
    assert isinstance(error, UpstreamRefused | UpstreamUnreachable)


async def test_redirect_is_not_followed() -> None:
    async with FakeUpstream(lambda x: x.stream(FINISH, DONE)) as elsewhere:
        _, error = await ask(lambda x: x.reply(307, b"", headers=f"Location: {elsewhere.url}\r\n"))
    assert isinstance(error, UpstreamRefused)
    assert (error.upstream_status, error.status) == (307, 502)
    assert elsewhere.exchanges == []


async def test_page_instead_of_a_stream() -> None:
    _, error = await ask(lambda x: x.reply(200, b"<p>Welcome", content_type="text/html"))
    assert type(error) is UpstreamBroken
    assert "text/html" in str(error)


async def test_completion_that_was_not_streamed() -> None:
    body = json.dumps(
        {
            "choices": [{"message": {"content": "All at once."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4},
        }
    ).encode()
    events, error = await ask(lambda x: x.reply(200, body))
    assert (text(events), error) == ("All at once.", None)
    assert events[-2:] == [Usage(input_tokens=3, output_tokens=4), Finish("stop")]


async def test_compressed_stream_is_refused() -> None:
    body = gzip.compress(b"".join([*said("x"), FINISH, DONE]))
    _, error = await ask(
        lambda x: x.reply(
            200, body, headers="Content-Encoding: gzip\r\n", content_type="text/event-stream"
        )
    )
    assert type(error) is UpstreamBroken
    assert "compressed" in str(error)


async def test_content_in_pieces() -> None:
    """So Mistral's models say what they think, and what they refer to."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    pieces = [
        thought,
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "High"},
    ]
    first = b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": pieces}}]}).encode()
    events, error = await ask(lambda x: x.stream(first, *said(" water."), FINISH, DONE))
    assert (text(events), error) == ("High water.", None)
    assert events[1] == ReasoningDelta("r1", "Hm.")


@pytest.mark.parametrize("garbage", [b"data: {nonsense\n\n", b"data: 17\n\n", b"data: null\n\n"])
async def test_garbage_in_the_stream(garbage: bytes) -> None:
    events, error = await ask(lambda x: x.stream(*said("good"), garbage, FINISH, DONE))
    assert text(events) == "good"
    assert type(error) is UpstreamBroken


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_not_http(answer: bytes) -> None:
    _, error = await ask(lambda x: x.raw(answer))
    assert type(error) is UpstreamBroken


@pytest.mark.parametrize("code", [b"429", b'"429"', b'"rate_limit_exceeded"'])
async def test_error_object_inside_the_stream(code: bytes) -> None:
    fault = b'data: {"error":{"message":"Out of cards","type":"None","code":%b}}\n\n' % code
    events, error = await ask(lambda x: x.stream(*said("some"), fault))
    assert text(events) == "some"
    assert isinstance(error, UpstreamRefused)
    assert error.upstream_status == 429
    assert str(error) == "The model API reported an error: Out of cards"


async def test_refused_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        model = OpenAI("gpt", Settings(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}"))
        with pytest.raises(UpstreamUnreachable) as caught:
            await anext(model.answer(QUESTION))
        await model.aclose()
    assert str(caught.value) == "The model API cannot be reached."


async def test_unknown_host() -> None:
    model = OpenAI("gpt", Settings(base_url="http://nowhere.invalid/v1"))
    with pytest.raises(UpstreamUnreachable):
        await anext(model.answer(QUESTION))
    await model.aclose()


async def test_host_that_never_accepts() -> None:
    with socket.socket() as full, socket.socket() as one, socket.socket() as two:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        model = OpenAI("gpt", Settings(base_url=url, connect_timeout_seconds=0.1))
        with pytest.raises(UpstreamUnreachable, match="too long to connect"):
            await anext(model.answer(QUESTION))
        await model.aclose()


async def test_hangs_up_before_the_head() -> None:
    async def behave(x: Exchange) -> None:
        x.abort()

    _, error = await ask(behave)
    assert type(error) is UpstreamUnreachable


@pytest.mark.parametrize("head_first", [False, True])
async def test_never_begins(head_first: bool) -> None:
    async def behave(x: Exchange) -> None:
        if head_first:
            await x.start()
        while not x.gone.is_set():
            if head_first:
                await x.send(b": still thinking\n\n")  # a sign of life is no answer
            await asyncio.sleep(0.02)

    _, error = await ask(behave, first_event_timeout_seconds=0.15)
    assert type(error) is UpstreamTimeout
    assert error.status == 504


async def test_falls_silent() -> None:
    dropped = asyncio.Event()

    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("and then ")[0])
        await x.hang()
        dropped.set()

    events, error = await ask(behave, silence_timeout_seconds=0.1)
    assert text(events) == "and then "
    assert type(error) is UpstreamTimeout
    assert dropped.is_set()


async def test_signs_of_life_are_no_silence() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("slow")[0])
        for _ in range(6):
            await asyncio.sleep(0.1)
            await x.send(b": working\n\n")
        await x.send(FINISH + DONE)
        await x.end()

    events, error = await ask(behave, silence_timeout_seconds=0.5)
    assert (text(events), error) == ("slow", None)


async def test_what_follows_the_terminator_is_not_told() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("all")[0] + FINISH + DONE)
        await asyncio.sleep(0.1)
        await x.send(said("late")[0])
        await x.end()

    events, error = await ask(behave)
    assert (text(events), error) == ("all", None)


async def test_a_run_stores_what_the_vendor_counted_once() -> None:
    async with FakeUpstream(lambda x: x.stream(*said("one"), FINISH, USAGE, DONE)) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        tide = Tidewire(MemoryLog())
        async with tide.lifespan():
            run = await tide.start(model.answer(QUESTION), request=QUESTION)
            while not (await tide.log.info(run.id)).closed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            stored = (await tide.log.read(run.id)).events
        await model.aclose()
    assert [event.type for event in stored].count("usage") == 1


async def test_a_listener_holds_up_what_comes_after_the_batch() -> None:
    """Whichever event of those that came together it wants to be waited for at."""
    told: list[AnswerEvent] = []
    release = asyncio.Event()

    async def behave(x: Exchange) -> None:
        await x.start()
        await x.send(said("one ")[0])
        await asyncio.sleep(0.1)
        await x.send(b"".join(said("two ", "three ")))
        await asyncio.sleep(0.1)
        await x.send(said("four")[0] + FINISH + DONE)
        await x.end()

    def hear(event: AnswerEvent) -> Hold:
        told.append(event)
        at = event == TextDelta("t1", "two ")
        return asyncio.ensure_future(release.wait()) if at else None

    async with FakeUpstream(behave) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        telling = asyncio.ensure_future(tell(model.answer(QUESTION), hear))
        await asyncio.sleep(0.5)
        assert text(told) == "one two three "
        release.set()
        await telling
        await model.aclose()
    assert text(told) == "one two three four"


async def test_slow_listener_is_no_silence() -> None:
    """While it makes the model wait, the model can say nothing."""

    async def behave(x: Exchange) -> None:
        await x.start()
        for words in ("one ", "two "):
            await x.send(said(words)[0])
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        await x.send(FINISH + DONE)
        await x.end()

    def hear(event: AnswerEvent) -> Hold:
        events.append(event)
        slow = event == TextDelta("t1", "two ")
        return asyncio.ensure_future(asyncio.sleep(0.5)) if slow else None

    async with FakeUpstream(behave) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url, silence_timeout_seconds=0.2))
        events: list[AnswerEvent] = []
        await tell(model.answer(QUESTION), hear)
        await model.aclose()
    assert events[-1] == Finish("stop")


async def test_fifty_megabytes_in_one_line() -> None:
    sent = 0

    async def behave(x: Exchange) -> None:
        nonlocal sent
        await x.start()
        await x.send(said("good")[0] + b"data: ")
        for _ in range(800):
            await x.send(b"x" * 65_536)
            sent += 65_536

    tracemalloc.start()
    try:
        events, error = await ask(behave)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text(events) == "good"
    assert type(error) is UpstreamTooLarge
    assert sent < 20_000_000  # nobody reads on
    assert peak < 16_000_000


async def test_long_line_at_the_very_end() -> None:
    last = said("good")[0] + b"data: " + b"x" * 2_000
    events, error = await ask(lambda x: x.stream(last), max_line_bytes=1_000)
    assert text(events) == "good"
    assert type(error) is UpstreamTooLarge


async def test_answer_without_end() -> None:
    async def behave(x: Exchange) -> None:
        await x.start()
        while True:
            await x.send(said("again " * 100)[0])

    events, error = await ask(behave, max_answer_bytes=50_000)
    assert type(error) is UpstreamTooLarge
    assert not error.retryable
    assert 50_000 <= len(text(events)) < 200_000


async def test_document_without_end() -> None:
    async def behave(x: Exchange) -> None:
        await x.start("application/json")
        while True:
            await x.send(b" " * 10_000)

    _, error = await ask(behave, max_answer_bytes=50_000)
    assert type(error) is UpstreamTooLarge


async def test_closing_the_iteration_drops_the_connection() -> None:
    async with FakeUpstream(_says_and_hangs("one")) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        async with aclosing(model.answer(QUESTION)) as answer:
            await anext(answer)
        async with asyncio.timeout(10):
            await upstream.exchanges[0].gone.wait()
        await model.aclose()


@pytest.mark.parametrize(
    ("words", "error"), [("", UpstreamUnreachable), ("one", UpstreamBroken)], ids=["head", "body"]
)
async def test_closing_the_model_ends_what_is_being_read(
    words: str, error: type[ModelError]
) -> None:
    async with FakeUpstream(_says_and_hangs(words, head_first=False)) as upstream:
        model = OpenAI("gpt", Settings(base_url=upstream.url))
        heard: asyncio.Queue[AnswerEvent] = asyncio.Queue()
        reading = asyncio.ensure_future(_read(model.answer(QUESTION), heard))
        await upstream.asked.wait()
        await _hear(words, heard)
        await model.aclose()
        async with asyncio.timeout(10):
            with pytest.raises(error):
                await reading


def _says_and_hangs(words: str, head_first: bool = True) -> Behaviour:
    async def behave(x: Exchange) -> None:
        if head_first or words:
            await x.start()
        if words:
            await x.send(said(words)[0])
        await x.hang()

    return behave


async def _read(
    answer: AsyncGenerator[AnswerEvent, None], heard: asyncio.Queue[AnswerEvent]
) -> None:
    async with aclosing(answer):
        async for event in answer:
            heard.put_nowait(event)


async def _hear(words: str, heard: asyncio.Queue[AnswerEvent]) -> None:
    so_far = ""
    while so_far != words:
        so_far += text([await heard.get()])
