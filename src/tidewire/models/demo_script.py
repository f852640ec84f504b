"""What the demo model says to a question: its script, chosen and filled in.

The lines stand in demo_en.toml and demo_zh.toml; here is only the choice among them, by
the words in the question. Pure: the same question and the same random generator give
the same answer.
"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final

import msgspec

__all__ = ["Call", "Say", "Show", "Step", "Think", "compose"]


class Think(msgspec.Struct, frozen=True):
    text: str


class Say(msgspec.Struct, frozen=True):
    text: str


class Call(msgspec.Struct, frozen=True):
    """A tool call together with what the pretend tool returned."""

    name: str
    input: dict[str, Any]
    output: dict[str, Any]


class Show(msgspec.Struct, frozen=True):
    """A piece of structured data, drawn by the front end."""

    name: str
    data: dict[str, Any]


Step = Think | Say | Call | Show

# The order is that of the answer. The words count in either language; re.A lets an
# English one stand right beside a Chinese one.
_KEYWORDS: Final = {
    "think": r"\b(why|think|reason)|为什么|为何|思考|推理",
    "weather": r"\bweather|天气|气温",
    "time": r"\b(clock|time|o'clock)\b|时间|几点|时钟",
    "table": r"\btables?\b|表格",
    "code": r"\b(code|program|function|script)|代码|程序|函数",
    "card": r"\bcards?\b|卡片",
    "page": r"\b(page|website|html)|网页|页面",
    "long": r"\b(long|longer|essay|story)\b|(?<![成增校生家市部船])长(?![城江沙春安])|详细",
}
_TOPICS: Final = {topic: re.compile(words, re.I | re.A) for topic, words in _KEYWORDS.items()}
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff\uf900-\ufaff]+")
_QUOTED_CHARACTERS = 200


class _Lines(msgspec.Struct, frozen=True):
    """One way to treat a topic: any of the steps, in this order."""

    say: str
    think: str = ""
    tool: str = ""
    show: dict[str, Any] | None = None


class _Script(msgspec.Struct, frozen=True):
    opening: list[str]
    echo: list[str]
    general: list[str]
    closing: list[str]
    cities: list[str]
    skies: list[str]
    tool_note: str
    topics: dict[str, list[_Lines]]


def compose(question: str, rng: random.Random) -> list[Step]:
    """The whole answer to ``question``, in its language, as the steps it consists of."""
    script = _script("zh" if _is_chinese(question) else "en")
    facts = _facts(question, script, rng)
    topics = [topic for topic, words in _TOPICS.items() if words.search(question)]
    chosen = [rng.choice(script.topics[topic]) for topic in topics]
    steps: list[Step] = [Think(_fill(lines.think, facts)) for lines in chosen if lines.think]
    opening = [rng.choice(script.opening), rng.choice(script.echo)]
    if not chosen:
        opening.append(rng.choice(script.general))
    steps.append(_say(opening, facts))
    for lines in chosen:
        steps += _steps(lines, facts, script)
    steps.append(_say([rng.choice(script.closing)], facts))
    return steps


def _steps(lines: _Lines, facts: dict[str, str], script: _Script) -> list[Step]:
    steps: list[Step] = []
    if lines.tool:
        steps.append(_call(lines.tool, facts, script.tool_note))
    if lines.show is not None:
        steps.append(Show("card", lines.show))
    return [*steps, _say([lines.say], facts)]


def _call(tool: str, facts: dict[str, str], note: str) -> Call:
    output: dict[str, Any] = {"demo": True, "note": note}
    if tool == "get_weather":
        output |= {"temperature_celsius": int(facts["temperature"]), "sky": facts["sky"]}
    else:
        output |= {"time": facts["time"]}
    return Call(tool, {"city": facts["city"]}, output)


def _say(paragraphs: list[str], facts: dict[str, str]) -> Say:
    """Paragraphs of Markdown; the blank line at the end parts them from what follows."""
    return Say("".join(_fill(paragraph, facts) + "\n\n" for paragraph in paragraphs))


def _fill(text: str, facts: dict[str, str]) -> str:
    return Template(text).safe_substitute(facts)


def _facts(question: str, script: _Script, rng: random.Random) -> dict[str, str]:
    """What the lines may mention: the question, and what the pretend tools found."""
    quoted = " ".join(question.split())
    if len(quoted) > _QUOTED_CHARACTERS:
        quoted = quoted[:_QUOTED_CHARACTERS] + "…"
    named = [city for city in script.cities if city.lower() in question.lower()]
    return {
        "question": quoted or "…",
        "characters": str(len(question)),
        "city": named[0] if named else rng.choice(script.cities),
        "temperature": str(rng.randint(2, 33)),
        "sky": rng.choice(script.skies),
        "time": f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
    }


def _is_chinese(text: str) -> bool:
    """Whether Chinese characters are at least as many as other words."""
    return 0 < len(_HAN.findall(text)) >= len(_WORD.findall(text))


@cache
def _script(language: str) -> _Script:
    source = files("tidewire.models").joinpath(f"demo_{language}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(source), _Script)
