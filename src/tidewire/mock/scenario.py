"""A scenario: what the mock says to which question, how fast, and what goes wrong.

The first rule that fits a question answers it; where none fits, the mock says the
question back. A mistake in a file is a ConfigError that names it, found at the start.
"""

from __future__ import annotations

import math
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from tidewire.errors import BadRequest, ConfigError
from tidewire.mock.question import Question

__all__ = [
    "Cited",
    "Fault",
    "Pace",
    "Rule",
    "Scenario",
    "Tool",
    "load_scenario",
    "parse_fault",
    "parse_scenario",
]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root of what stands in a scenario file."""

    def _refuse_negative(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} must not be negative")


class Pace(_Table, frozen=True):
    """How fast an answer comes. Rate 0 is as fast as can be.

    ``jitter`` 0.5 makes every pause between half and one and a half times as long.
    The same ``seed`` gives the same pauses, cuts and ids to the same series of requests.
    """

    first_token_seconds: float = 0.0
    tokens_per_second: float = 0.0
    jitter: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._refuse_negative("first_token_seconds", "tokens_per_second", "jitter")
        if self.jitter > 1:
            raise ValueError("jitter must not be over 1")


class Fault(_Table, frozen=True):
    """What goes wrong. Several faults may be combined; ``…_after`` counts events sent.

    ``status``: refuse with it, ``retry_after`` seconds in the header of that name.
    ``break_after``, ``break_after_bytes``: close the connection in the middle.
    ``end_after``: end the body properly there, though the answer is not at its end.
    ``error_after``: the vendor's error event, then the end; ``message`` is what it says.
    ``garbage_after``: an event that is no JSON, then go on.
    ``stall_after``: say nothing for ``stall_seconds``, or until the client leaves.
    ``split``: write in random pieces, also inside characters.
    ``drip_seconds``: write byte by byte, each so much later than the one before.
    ``never_end``: say the text again and again. ``no_terminator``: leave out the last event.
    ``times``: only so often, then all is well; 0 is always.
    """

    status: int | None = None
    retry_after: float | None = None
    break_after: int | None = None
    break_after_bytes: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    garbage_after: int | None = None
    stall_after: int | None = None
    stall_seconds: float | None = None
    split: bool = False
    drip_seconds: float = 0.0
    never_end: bool = False
    no_terminator: bool = False
    message: str = "The mock was told to fail."
    times: int = 0

    def __post_init__(self) -> None:
        self._refuse_negative(*(name for name in self.__struct_fields__ if name != "message"))
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be 400 to 599")


class Tool(_Table, frozen=True):
    """A tool that the answer calls."""

    name: str
    arguments: dict[str, Any] = {}


class Cited(_Table, frozen=True):
    """What the answer cites: a page or a document; said by the APIs that cite such."""

    url: str = ""
    document: str = ""
    title: str = ""
    quote: str = ""


class Tokens(_Table, frozen=True):
    """What the answer says it used; reasoning is part of the output."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0


class Rule(_Table, frozen=True):
    """An answer, and which questions it is for: all conditions given must fit.

    ``match`` stands in what the person said last, whatever the case; ``regex`` is found
    in it; ``model`` and ``api`` are names, with ``*`` for any characters. A rule with
    ``after_tool`` (a tool's name, ``*`` for any) answers a tool's result, and only that.
    ``say``, ``refuse`` and ``reasoning`` may hold ``$question``, ``$result`` and ``$model``;
    ``interleave`` sends the calls' arguments in turns. ``refuse`` is what it says when it
    will not answer. Usage is counted if not given.
    """

    match: str = ""
    regex: str = ""
    model: str = "*"
    api: str = "*"
    after_tool: str = ""
    say: str = ""
    say_file: str = ""
    refuse: str = ""
    reasoning: str = ""
    sources: list[Cited] = []
    tools: list[Tool] = []
    interleave: bool = False
    finish: str = ""
    usage: Tokens | None = None
    pace: Pace | None = None
    fault: Fault = Fault()

    def __post_init__(self) -> None:
        try:
            re.compile(self.regex)
        except re.error as exc:
            raise ValueError(f"regex: {exc}") from exc
        if self.finish not in ("", "stop", "length", "tool_calls", "content_filter"):
            raise ValueError("finish must be stop, length, tool_calls or content_filter")

    def fits(self, question: Question, api: str) -> bool:
        return (
            self._fits_tools(question.tools)
            and self.match.lower() in question.text.lower()
            and re.search(self.regex, question.text) is not None
            and fnmatchcase(question.model, self.model)
            and fnmatchcase(api, self.api)
        )

    @property
    def reason(self) -> str:
        """Why the answer ends, in the words of Finish."""
        otherwise = "content_filter" if self.refuse else "tool_calls" if self.tools else "stop"
        return self.finish or otherwise

    def _fits_tools(self, tools: tuple[str, ...]) -> bool:
        if not tools or not self.after_tool:
            return not tools and not self.after_tool
        return any(fnmatchcase(tool, self.after_tool) for tool in tools)


class Scenario(_Table, frozen=True):
    """Rules in their order, and the pace of those that have none of their own."""

    rule: list[Rule] = []
    pace: Pace = Pace()

    def rule_for(self, question: Question, api: str) -> tuple[int | None, Rule]:
        """The first rule that fits, and its place; the echo has none."""
        for index, rule in enumerate(self.rule):
            if rule.fits(question, api):
                return index, rule
        return None, _ECHO_RESULT if question.tools else _ECHO


_ECHO = Rule(say="$question")
_ECHO_RESULT = Rule(say="$result")


def load_scenario(path: Path) -> Scenario:
    """A scenario file; a ``say_file`` is found beside it. Raises ConfigError."""
    try:
        scenario = parse_scenario(path.read_text("utf-8-sig"))
        rules = [_with_file(rule, path.parent) for rule in scenario.rule]
    except OSError as exc:
        why = f"{exc.filename}: {exc.strerror}"
        raise ConfigError(f"The scenario {path} cannot be read: {why}.") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"The scenario {path} is not UTF-8, or a file of it is not.") from exc
    except ConfigError as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    return msgspec.structs.replace(scenario, rule=rules)


def parse_scenario(text: str) -> Scenario:
    """A scenario from TOML. Raises ConfigError."""
    try:
        return msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise ConfigError(f"{exc}") from exc


def parse_fault(text: str) -> Fault:
    """A fault as a header says it: ``break-after=3, split``. Raises BadRequest."""
    fields: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in re.split("[,;]", text))):
        name, equals, value = word.partition("=")
        fields[name.strip().replace("-", "_")] = value.strip() if equals else "true"
    try:
        return msgspec.convert(fields, Fault, strict=False)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"x-mock-fault: {exc}") from exc


def _with_file(rule: Rule, folder: Path) -> Rule:
    if not rule.say_file:
        return rule
    return msgspec.structs.replace(rule, say=(folder / rule.say_file).read_text("utf-8"))
