"""Scenario files: which rule answers, and what is wrong with a file that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewire.errors import BadRequest, ConfigError
from tidewire.mock.question import Question
from tidewire.mock.scenario import (
    Fault,
    Pace,
    Rule,
    Scenario,
    Tokens,
    Tool,
    load_scenario,
    parse_fault,
    parse_scenario,
)

FILE = r"""
[pace]
first_token_seconds = 0.25
tokens_per_second = 40
jitter = 0.5
seed = 7

[[rule]]
match = "WEATHER"
reasoning = "Let me look."
tools = [{ name = "get_weather", arguments = { city = "Paris" } }]

[[rule]]
after_tool = "get_weather"
say = "It is $result."
usage = { input_tokens = 9, output_tokens = 4 }

[[rule]]
regex = '^\d+$'
model = "gpt-*"
api = "openai*"
say_file = "number.md"
finish = "length"
pace = { tokens_per_second = 5 }
fault = { status = 429, retry_after = 2, times = 1 }
"""


def asking(text: str, *, model: str = "gpt-4o", tools: tuple[str, ...] = ()) -> Question:
    return Question(model, text, tools, "", 1, True, {})


def test_everything_that_a_file_may_say(tmp_path: Path) -> None:
    (tmp_path / "number.md").write_text("A *number*: 数")
    (tmp_path / "scenario.toml").write_text(FILE)
    assert load_scenario(tmp_path / "scenario.toml") == Scenario(
        pace=Pace(first_token_seconds=0.25, tokens_per_second=40, jitter=0.5, seed=7),
        rule=[
            Rule(
                match="WEATHER",
                reasoning="Let me look.",
                tools=[Tool("get_weather", {"city": "Paris"})],
            ),
            Rule(after_tool="get_weather", say="It is $result.", usage=Tokens(9, 4)),
            Rule(
                regex=r"^\d+$",
                model="gpt-*",
                api="openai*",
                say="A *number*: 数",
                say_file="number.md",
                finish="length",
                pace=Pace(tokens_per_second=5),
                fault=Fault(status=429, retry_after=2, times=1),
            ),
        ],
    )


@pytest.mark.parametrize(
    ("question", "api", "place"),
    [
        (asking("What weather?"), "gemini", 0),
        (asking("What weather?", tools=("get_weather",)), "gemini", 1),
        (asking("What weather?", tools=("a", "get_weather")), "gemini", 1),
        (asking("What weather?", tools=("get_wind",)), "gemini", None),
        (asking("42"), "openai-responses", 2),
        (asking("42"), "anthropic", None),
        (asking("42", model="qwen"), "openai", None),
        (asking("forty-two"), "openai", None),
    ],
)
def test_the_rule_that_answers(question: Question, api: str, place: int | None) -> None:
    assert parse_scenario(FILE).rule_for(question, api)[0] == place


def test_the_first_rule_that_fits_answers() -> None:
    scenario = Scenario([Rule(match="a", say="1"), Rule(say="2"), Rule(match="b", say="3")])
    said = [scenario.rule_for(asking(text), "openai")[1].say for text in ("ab", "b")]
    assert said == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rule = ]", "line 1"),
        ("[[rules]]", "rules"),
        ("[[rule]]\nsays = 'x'", "says"),
        ("[[rule]]\nsay = 1", "$.rule[0].say"),
        ("[[rule]]\nregex = '('", "regex"),
        ("[[rule]]\nfinish = 'tired'", "finish"),
        ("[[rule]]\nfault = { status = 200 }", "status"),
        ("[[rule]]\nfault = { break_after = -1 }", "break_after"),
        ("[[rule]]\nsay_file = 'no.md'", "no.md: No such file or directory."),
        ("[pace]\ntokens_per_second = inf", "tokens_per_second"),
        ("[pace]\njitter = 1.5", "jitter"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    assert str(file) in str(caught.value)
    assert named in str(caught.value)


def test_a_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_bytes(b"\xef\xbb\xbf[[rule]]\r\nsay = 'm'\r\n")
    assert load_scenario(tmp_path / "scenario.toml").rule[0].say == "m"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_scenario(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("break-after=3", Fault(break_after=3)),
        ("status=429, retry-after=0.5", Fault(status=429, retry_after=0.5)),
        ("split; drip-seconds=0.01;", Fault(split=True, drip_seconds=0.01)),
        ("error_after=1, message=too much = no", Fault(error_after=1, message="too much = no")),
        ("", Fault()),
    ],
)
def test_a_fault_in_a_header(header: str, fault: Fault) -> None:
    assert parse_fault(header) == fault


@pytest.mark.parametrize("header", ["brake-after=3", "break-after", "break-after=x", "status=99"])
def test_a_fault_that_is_none(header: str) -> None:
    with pytest.raises(BadRequest, match="x-mock-fault"):
        parse_fault(header)
