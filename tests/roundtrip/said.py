"""What a model says, and how much of it each model API has words for.

``Said`` is the one truth of the round trip; ``told`` is what a reader behind an API can
know of it. The differences between APIs stand here, one by one, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from hypothesis import strategies as st

from tests.roundtrip.heard import Heard
from tests.unit.dialects.answers import mixed
from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.mock.apis.anthropic import SIGNATURE as THINKING
from tidewire.mock.apis.base import Refusal
from tidewire.mock.apis.gemini import SIGNATURE as CALLING
from tidewire.mock.apis.openai_responses import ENCRYPTED

ENDINGS = ("finished", "finished", "finished", "stopped", "failed", "broken")
FAILURE = "The mock has failed: 潮."

WORDS = st.sampled_from(
    ["a", "Sea ", '"', "\\", "{", "\n", "\r\n", "data: x\n\n", "你好", "🌊", "👩🏽‍💻"]
    + ["\u2028", "\ufeff", "\x00"]
)
TEXT = st.lists(WORDS, min_size=1, max_size=3).map("".join)
PIECES = st.lists(TEXT, min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@dataclass
class Said:
    """``events``: all of the content, or as much as was said before another end than its own."""

    events: list[AnswerEvent]
    usage: Usage
    reason: str
    ending: str = "finished"

    @property
    def is_whole(self) -> bool:
        return self.ending == "finished"


def text(
    id: str, pieces: list[str], cited: list[Source], *, refuses: bool = False
) -> list[AnswerEvent]:
    """A text; what it cites stands behind its first piece."""
    delta = Refusal if refuses else TextDelta
    first, *rest = (delta(id, piece) for piece in pieces)
    return [TextStart(id), first, *cited, *rest, TextEnd(id)]


def thought(id: str, pieces: list[str]) -> list[AnswerEvent]:
    return [ReasoningStart(id), *(ReasoningDelta(id, piece) for piece in pieces), ReasoningEnd(id)]


def call(id: str, input: Any, cuts: list[int], *, broken: bool = False) -> list[AnswerEvent]:
    """A call whose arguments come in pieces; ``broken``: they are no JSON."""
    raw = json.dumps(input, ensure_ascii=False, separators=(",", ":")) + ("]" if broken else "")
    places = [0, *sorted(cut % len(raw) for cut in cuts), len(raw)]
    pieces = (raw[a:b] for a, b in zip(places, places[1:], strict=False) if a < b)
    ready = ToolReady(id, "tide", invalid=raw) if broken else ToolReady(id, "tide", input)
    return [ToolStart(id, "tide"), *(ToolArgs(id, piece) for piece in pieces), ready]


def in_turns(*calls: list[AnswerEvent]) -> list[AnswerEvent]:
    return [event for turn in zip_longest(*calls) for event in turn if event is not None]


@st.composite
def answers(draw: st.DrawFn, *, can_break_calls: bool) -> Said:
    """Any answer, in which calls may interleave; in one that has no end there are none."""
    ending = draw(st.sampled_from(ENDINGS))
    kinds = draw(st.lists(st.sampled_from("ttrrc" if ending == "finished" else "tr"), max_size=4))
    events = [
        event
        for index, kind in enumerate(kinds)
        for event in _part(draw, kind, index, can_break_calls)
    ]
    refuses = ending == "finished" and "c" not in kinds and draw(st.booleans())
    if refuses:
        events += text("refusal", draw(PIECES), [], refuses=True)
    if ending != "finished":
        events = events[: draw(st.integers(0, len(events)))]
    ends = ["tool_calls"] if "c" in kinds else ["stop", "length", "content_filter"]
    reason = "content_filter" if refuses else draw(st.sampled_from(ends))
    return Said(events, _usage(draw), reason, ending)


def _part(draw: st.DrawFn, kind: str, index: int, can_break: bool) -> Iterator[AnswerEvent]:
    match kind:
        case "t":
            yield from text(f"t{index}", draw(PIECES), _sources(draw, index))
        case "r":
            yield from thought(f"r{index}", draw(PIECES))
        case "c":
            calls = [
                call(
                    f"id-{index}-{number}",
                    draw(st.dictionaries(TEXT, JSON, max_size=2)),
                    draw(st.lists(st.integers(0, 99), max_size=3)),
                    broken=can_break and draw(st.booleans()),
                )
                for number in range(draw(st.integers(1, 2)))
            ]
            yield from mixed(draw, [iter(events) for events in calls])


def _sources(draw: st.DrawFn, index: int) -> list[Source]:
    """Each another place: a page or a document."""
    found = []
    for number in range(draw(st.integers(0, 2))):
        place = f"{index}-{number}-{draw(TEXT)}"
        at = draw(st.sampled_from(["url", "document"]))
        title, quote = draw(st.none() | TEXT), draw(st.none() | TEXT)
        found.append(Source(f"{index}-{number}", **{at: place}, title=title, quote=quote))
    return found


def _usage(draw: st.DrawFn) -> Usage:
    input_tokens, output_tokens = draw(st.integers(0, 99)), draw(st.integers(0, 99))
    reasoning, cached = draw(st.integers(0, output_tokens)), draw(st.integers(0, input_tokens))
    return Usage(input_tokens, output_tokens, reasoning, cached)


def told(api: str, said: Said) -> Heard:
    """What there is to know of an answer behind ``api``."""
    heard = Heard(reason=_reason(api, said))
    _tell_parts(heard, api, said.events)
    _tell_calls(heard, api, said.events)
    cites = said.is_whole or api != "openai"  # which does so at the end
    for source in said.events:
        if cites and isinstance(source, Source):
            _tell_source(heard, api, source)
    usage = said.usage
    heard.usage = usage.input_tokens, usage.output_tokens
    heard.details = (0, 0) if api == "ollama" else (usage.reasoning_tokens, usage.cached_tokens)
    return heard


def _reason(api: str, said: Said) -> str:
    """Two APIs have no word for what was filtered."""
    without = said.reason == "content_filter" and api.startswith(("ollama", "dashscope"))
    return "stop" if without else said.reason


def _tell_parts(heard: Heard, api: str, events: list[AnswerEvent]) -> None:
    """Where one text ends and the next begins at once, one API alone says."""
    key, before = "", None
    for event in events:
        match event:
            case TextStart() if api == "openai-responses" or not isinstance(before, TextEnd):
                key = event.part
            case TextDelta():
                heard.say(heard.texts, key, event.delta)
            case ReasoningDelta():
                heard.say(heard.reasonings, event.part, event.delta)
            case ReasoningEnd() if api in _PROOFS:
                heard.signatures.append(_PROOFS[api])
        before = event


_PROOFS = {"anthropic": THINKING, "openai-responses": ENCRYPTED}


def _tell_calls(heard: Heard, api: str, events: list[AnswerEvent]) -> None:
    """Where calls come whole, they have no id and are numbered."""
    whole = api in ("gemini", "ollama")
    ready = [event for event in events if isinstance(event, ToolReady)]
    for number, event in enumerate(ready, 1):
        id = f"call_{number}" if whole else event.call
        heard.calls[id] = event.name, event.input if event.invalid is None else event.invalid
        if event.invalid is not None:
            heard.invalid.add(id)
        if api == "gemini":
            heard.call_signatures[id] = CALLING


def _tell_source(heard: Heard, api: str, source: Source) -> None:
    """Which APIs cite what: pages by all but Ollama, documents and quotes by few."""
    if source.url is not None and api != "ollama":
        heard.cite_page(source.url, source.title, source.quote if api == "anthropic" else None)
    elif source.document is not None and api in ("anthropic", "gemini", "openai-responses"):
        quote = None if api == "openai-responses" else source.quote
        heard.cite_document(source.document, source.title, quote)
