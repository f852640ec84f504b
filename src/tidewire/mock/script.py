"""From a rule to what a model would say: answer events, token by token. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, cycle, zip_longest
from string import Template

import msgspec

from tidewire.answers.events import (
    AnswerEvent,
    Source,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
)
from tidewire.mock.apis.base import Refusal
from tidewire.mock.question import Question
from tidewire.mock.scenario import Rule, Tool
from tidewire.models.parts import Parts
from tidewire.models.tokens import tokens

__all__ = ["spoken"]

_NOTHING = "…"
_REFUSAL = "refusal"


def spoken(rule: Rule, question: Question, rng: random.Random) -> Iterator[AnswerEvent]:
    """Reasoning, then text and what it cites, or a refusal, then calls; without end where
    the fault is ``never_end``."""
    parts = Parts()
    for token in tokens(_fill(rule.reasoning, question)):
        yield from parts.reasoning(token)
    text = tokens(_fill(rule.say, question))
    for token in cycle(text or [_NOTHING]) if rule.fault.never_end else text:
        yield from parts.text(token)
    yield from _sources(rule) if text else ()
    yield from parts.close()
    yield from _refusal(tokens(_fill(rule.refuse, question)))
    yield from _calls(rule, rng)


def _fill(text: str, question: Question) -> str:
    facts = {"question": question.text, "result": question.result, "model": question.model}
    return Template(text).safe_substitute(facts)


def _sources(rule: Rule) -> Iterator[AnswerEvent]:
    for number, cited in enumerate(rule.sources, 1):
        given = cited.url, cited.document, cited.title, cited.quote
        yield Source(f"s{number}", *(field or None for field in given))


def _refusal(said: list[str]) -> Iterator[AnswerEvent]:
    if said:
        yield TextStart(_REFUSAL)
        yield from (Refusal(_REFUSAL, token) for token in said)
        yield TextEnd(_REFUSAL)


def _calls(rule: Rule, rng: random.Random) -> Iterator[AnswerEvent]:
    calls = [_call(tool, f"call_{rng.getrandbits(64):016x}") for tool in rule.tools]
    return _in_turns(calls) if rule.interleave else chain.from_iterable(calls)


def _call(tool: Tool, id: str) -> Iterator[AnswerEvent]:
    yield ToolStart(id, tool.name)
    for token in tokens(msgspec.json.encode(tool.arguments).decode()):
        yield ToolArgs(id, token)
    yield ToolReady(id, tool.name, input=tool.arguments)


def _in_turns(calls: list[Iterator[AnswerEvent]]) -> Iterator[AnswerEvent]:
    """One event of each, again and again, until all are at their end."""
    for turn in zip_longest(*calls):
        yield from filter(None, turn)
