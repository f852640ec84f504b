"""The demo model: always the same under a seed, at its pace, in the asker's language."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tidewire.answers.events import (
    AnswerEvent,
    Data,
    ReasoningDelta,
    TextDelta,
    ToolArgs,
    ToolReady,
    ToolResult,
    Usage,
)
from tidewire.models.base import ChatMessage, ChatRequest, Finish
from tidewire.models.demo import Demo, Settings


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


async def ask(question: str, *, seed: int | None = 1, **request: Any) -> list[AnswerEvent]:
    model = Demo("demo", sleep=Clock().sleep)
    asked = ChatRequest([ChatMessage("user", question)], seed=seed, **request)
    return [event async for event in model.answer(asked)]


def text(events: list[AnswerEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


def kinds(events: list[AnswerEvent]) -> set[str]:
    return {event.type for event in events}


async def test_same_seed_same_answer() -> None:
    question = "why weather table code card page long"
    assert await ask(question, seed=5) == await ask(question, seed=5)


async def test_without_a_seed_answers_differ() -> None:
    answers = {text(await ask("hello", seed=None)) for _ in range(20)}
    assert len(answers) > 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("question", "marks"),
    [
        ("Show me some code", ["```python", "```javascript"]),
        ("写一段代码", ["```python", "```javascript"]),
        ("make a table", ["|:---|:---:|", "|---|---:|"]),
        ("写table", ["|:---|:---:|", "|---|---:|"]),
        ("来一个表格", ["|:---|:---:|", "|---|---:|"]),
        ("build a web page", ["```html"]),
        ("做一个网页", ["```html"]),
    ],
)
async def test_markdown(question: str, marks: list[str], seed: int) -> None:
    answer = text(await ask(question, seed=seed))
    assert any(mark in answer for mark in marks)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("question", ["hello", "why?", "time", "card", "你好", "长", "天气", ""])
async def test_every_answer_says_that_it_is_a_demo(question: str, seed: int) -> None:
    answer = text(await ask(question, seed=seed))
    assert "demo" in answer or "演示" in answer


@pytest.mark.parametrize(
    ("question", "chinese"),
    [
        ("What is a tide?", False),
        ("潮汐是什么？", True),
        ("长", True),
        ("写一段 Python 代码", True),
        ("Translate 你好 into English", False),
        ("html 网页", True),
        ("🌊", False),
    ],
)
async def test_language_of_the_question(question: str, chinese: bool) -> None:
    assert ("演示模型" in text(await ask(question))) is chinese


async def test_the_question_is_quoted_on_one_line_and_cut() -> None:
    answer = text(await ask("what\nabout $city " + "x" * 500))
    assert "> what about $city xxx" in answer
    assert "x" * 200 not in answer


@pytest.mark.parametrize("question", ["why is the sea salty", "为什么海是咸的"])
async def test_thinks_before_it_speaks(question: str) -> None:
    events = await ask(question)
    said = [type(event) for event in events if isinstance(event, TextDelta | ReasoningDelta)]
    assert said[0] is ReasoningDelta
    assert said == sorted(said, key=lambda kind: kind is TextDelta)


async def test_tool_call_and_what_came_of_it() -> None:
    events = await ask("What is the weather in Lisbon?")
    arguments = "".join(event.delta for event in events if isinstance(event, ToolArgs))
    (ready,) = [event for event in events if isinstance(event, ToolReady)]
    (result,) = [event for event in events if isinstance(event, ToolResult)]
    assert json.loads(arguments) == ready.input == {"city": "Lisbon"}
    assert ready.name == "get_weather"
    assert result.call == ready.call
    assert result.output["demo"] is True
    assert f"Lisbon, {result.output['temperature_celsius']} °C" in text(events)


async def test_two_tools_are_two_calls() -> None:
    events = await ask("北京的天气和时间")
    calls = [(event.call, event.name) for event in events if isinstance(event, ToolReady)]
    assert calls == [("call_1", "get_weather"), ("call_2", "get_time")]


async def test_card_is_data() -> None:
    (card,) = [event for event in await ask("a card please") if isinstance(event, Data)]
    assert card.name == "card"
    assert card.data["title"]


@pytest.mark.parametrize(
    "question", ["Discard the homepage, walk along, stable and timeless", "校长去了长城和长沙"]
)
async def test_words_inside_other_words_do_not_count(question: str) -> None:
    events = await ask(question)
    assert kinds(events) == {"text.start", "text.delta", "text.end", "usage", "finish"}
    assert "###" not in text(events)


async def test_long_is_long() -> None:
    assert len(await ask("a long answer")) > 3 * len(await ask("a card"))


@pytest.mark.parametrize("question", ["hello", "why weather card table", "为什么 天气 卡片"])
async def test_parts_are_opened_and_closed(question: str) -> None:
    still_open: set[str] = set()
    for event in await ask(question):
        part = getattr(event, "part", None)
        if event.type.endswith(".start") and part:
            assert not still_open
            still_open.add(part)
        if event.type.endswith(".end"):
            still_open.remove(event.part)  # type: ignore[attr-defined]
        if isinstance(event, TextDelta | ReasoningDelta):
            assert event.part in still_open
    assert not still_open


async def test_usage_is_counted_and_finish_comes_last() -> None:
    events = await ask("why weather")
    pieces = [e for e in events if isinstance(e, TextDelta | ReasoningDelta | ToolArgs)]
    thoughts = [e for e in events if isinstance(e, ReasoningDelta)]
    assert events[-2] == Usage(2, len(pieces), len(thoughts))
    assert events[-1] == Finish("stop")


async def test_max_tokens() -> None:
    events = await ask("why?", max_tokens=5)
    assert [event.type for event in events] == [
        "reasoning.start",
        *["reasoning.delta"] * 5,
        "reasoning.end",
        "usage",
        "finish",
    ]
    assert events[-1] == Finish("length")


async def test_human_pace() -> None:
    clock = Clock()
    model = Demo("demo", sleep=clock.sleep)
    request = ChatRequest([ChatMessage("user", "long")], seed=3)
    began: float | None = None
    pieces = 0
    async for event in model.answer(request):
        if isinstance(event, TextDelta):
            pieces += 1
            began = clock.seconds if began is None else began
    assert began is not None
    assert 0.2 < began < 0.6
    assert 30 < pieces / (clock.seconds - began) < 60


async def test_as_fast_as_possible() -> None:
    clock = Clock()
    settings = Settings(first_token_seconds=0, tokens_per_second=0)
    model = Demo("demo", settings, sleep=clock.sleep)
    async for _ in model.answer(ChatRequest([ChatMessage("user", "weather long")])):
        pass
    assert clock.seconds == 0


async def test_gives_way_to_others_however_fast() -> None:
    model = Demo("demo", Settings(first_token_seconds=0, tokens_per_second=0))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    events = [e async for e in model.answer(ChatRequest([ChatMessage("user", "hello")]))]
    task.cancel()
    assert turns >= len(events) // 2
