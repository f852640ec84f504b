"""What users test with must hold itself: the scripted model, the clock, the fixture."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from contextlib import aclosing

import pytest
from fastapi import FastAPI, Request, Response
from httpx import ASGITransport, AsyncClient

from tidewire import Tidewire
from tidewire.answers.events import TextDelta, TextEnd, TextStart, ToolReady, ToolStart
from tidewire.errors import UpstreamBroken
from tidewire.models.base import ChatMessage, ChatRequest, Finish
from tidewire.runs.source import reasoning
from tidewire.testing import (
    FakeClock,
    MemoryLog,
    MockServer,
    ScriptedModel,
    collect,
    parse_events,
)

pytest_plugins = ["tidewire.pytest_plugin"]

QUESTION = ChatRequest([ChatMessage("user", "When?")])


async def test_a_text_is_said_token_by_token() -> None:
    model = ScriptedModel("At noon.")
    events = [event async for event in model.answer(QUESTION)]
    assert events == [
        TextStart("t1"),
        TextDelta("t1", "At"),
        TextDelta("t1", " noon"),
        TextDelta("t1", "."),
        TextEnd("t1"),
        Finish(),
    ]
    assert (model.requests, model.left) == ([QUESTION], 0)


async def test_one_script_for_each_answer() -> None:
    model = ScriptedModel("one", "two")
    said = [(await collect(model.answer(QUESTION))).text for _ in range(3)]
    assert said == ["one", "two", "two"]


async def test_steps_of_every_kind() -> None:
    call = [ToolStart("c1", "get_tide"), ToolReady("c1", "get_tide", input={"port": "x"})]
    model = ScriptedModel([reasoning("Hm."), "At ", "noon.", *call, Finish("tool_calls")])
    message = await collect(model.answer(QUESTION))
    assert [part.id for part in message.parts] == ["r1", "t1", "c1"]  # type: ignore[union-attr]
    assert (message.text, message.finish_reason) == ("At noon.", "tool_calls")


async def test_a_failure_in_the_middle() -> None:
    model = ScriptedModel(["At ", UpstreamBroken("The cable was cut.")])
    events = []
    with pytest.raises(UpstreamBroken, match="cable"):
        async for event in model.answer(QUESTION):
            events.append(event)
    assert events == [TextStart("t1"), TextDelta("t1", "At ")]
    assert model.left == 0


async def test_it_waits_and_counts_who_leaves() -> None:
    model = ScriptedModel(["At ", asyncio.Event(), "noon."])
    async with aclosing(model.answer(QUESTION)) as answer:
        assert [await anext(answer), await anext(answer)] == [
            TextStart("t1"),
            TextDelta("t1", "At "),
        ]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(answer), 0.01)
    assert model.left == 1


async def test_the_message_of_a_stream() -> None:
    """As a builder's test may look: the app, a scripted model behind it, no network."""
    tide = Tidewire("memory://")
    app = FastAPI()

    @app.get("/ask")
    async def ask(request: Request) -> Response:
        run = await tide.start(ScriptedModel(["At ", "noon.", Finish("length")]).answer(QUESTION))
        return tide.respond(request, run)

    async with tide.lifespan(), AsyncClient(transport=ASGITransport(app)) as client:
        response = await client.get("http://app/ask")
        message = await collect(response.aiter_bytes())
    assert (message.text, message.status) == ("At noon.", "finished")
    assert message.finish_reason == "length"


async def test_a_clock_that_jumps() -> None:
    clock = FakeClock(10.0)
    await clock.sleep(5)
    clock.advance(2.5)
    assert (clock(), clock.slept) == (17.5, [5])
    log = MemoryLog(clock=clock)
    await log.open()
    assert (await log.create("s")).created
    await log.close()


def test_events_of_a_body() -> None:
    (event,) = parse_events(b": hello\n\nid: 7\nevent: x\ndata: y\n\n")
    assert (event.event, event.data, event.id) == ("x", "y", "7")


def test_the_fixture_answers_a_blocking_client(tidewire_mock: MockServer) -> None:
    tidewire_mock.play('[[rule]]\nsay = "At noon."')
    body = json.dumps(
        {"model": "m", "stream": False, "messages": [{"role": "user", "content": "?"}]}
    )
    request = urllib.request.Request(f"{tidewire_mock.base_url}/api/chat", body.encode())
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["message"]["content"] == "At noon."
    assert tidewire_mock.requests[0].api == "ollama"
