"""Opening and closing the parts of an answer, whatever the model API.

Vendors send deltas and leave it to the reader to notice where a part begins and ends.
Here that is decided once: text and reasoning follow one another, so each closes the
other; tool calls may interleave, so each stays open until its vendor ends it, or until
all are closed together. Pure; an empty delta never makes an event.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec

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
)
from tidewire.errors import UpstreamBroken
from tidewire.wire.depth import is_too_deep

__all__ = ["Parts", "Sources", "ToolCalls"]


class Parts:
    """The text and reasoning parts of one answer: ``t1``, ``r1``, ``t2``, …"""

    def __init__(self) -> None:
        self._text: str | None = None
        self._reasoning: str | None = None
        self._opened = {"t": 0, "r": 0}

    def text(self, delta: str) -> list[AnswerEvent]:
        """A piece of text, in the open text part or in a new one."""
        if not delta:
            return []
        if self._text is not None:
            return [TextDelta(self._text, delta)]
        closing = self.close()
        part = self._text = self._next("t")
        return [*closing, TextStart(part), TextDelta(part, delta)]

    def reasoning(self, delta: str) -> list[AnswerEvent]:
        """A piece of reasoning, in the open reasoning part or in a new one."""
        if not delta:
            return []
        if self._reasoning is not None:
            return [ReasoningDelta(self._reasoning, delta)]
        closing = self.close()
        part = self._reasoning = self._next("r")
        return [*closing, ReasoningStart(part), ReasoningDelta(part, delta)]

    def sign(self, signature: str) -> list[AnswerEvent]:
        """Ends the open reasoning part with the vendor's proof of it.

        Where no reasoning is open – the vendor hid it, or signed something else – the
        proof stands in an empty part of its own.
        """
        events: list[AnswerEvent] = []
        if self._reasoning is None:
            events = self.close()
            self._reasoning = self._next("r")
            events.append(ReasoningStart(self._reasoning))
        part, self._reasoning = self._reasoning, None
        return [*events, ReasoningEnd(part, signature)]

    def close(self) -> list[AnswerEvent]:
        """Ends the open part, if there is one."""
        closing: list[AnswerEvent] = []
        if self._text is not None:
            closing.append(TextEnd(self._text))
        if self._reasoning is not None:
            closing.append(ReasoningEnd(self._reasoning))
        self._text = self._reasoning = None
        return closing

    def _next(self, prefix: str) -> str:
        self._opened[prefix] += 1
        return f"{prefix}{self._opened[prefix]}"


class ToolCalls:
    """The tool calls of one answer, gathered from fragments.

    ``slot`` is where the vendor says a fragment belongs. A call starts when its name
    is known; arguments that come earlier wait for it.
    """

    def __init__(self) -> None:
        self._open: dict[Hashable, _Call] = {}
        self._ids: set[str] = set()

    def fragment(
        self, slot: Hashable, *, id: str | None, name: str | None, arguments: str | None
    ) -> list[AnswerEvent]:
        """The events of one fragment; another id in a known slot is another call."""
        call = self._open.get(slot)
        finished: list[AnswerEvent] = []
        if call is not None and id and call.given_id and call.given_id != id:
            finished = self._open.pop(slot).ready()
            call = None
        if call is None:
            call = self._open[slot] = _Call(self._unique(id), given_id=id)
        return finished + call.add(name, arguments)

    def sign(self, slot: Hashable, signature: str) -> None:
        """The vendor's proof of the call that is open in this slot."""
        self._open[slot].signature = signature

    def end(self, slot: Hashable, arguments: str = "") -> list[AnswerEvent]:
        """Ends one call; ``arguments`` are all of them, for a vendor that sent no fragment."""
        call = self._open.pop(slot, None)
        if call is None:
            return []
        return [*([] if call.begun else call.add(None, arguments)), *call.ready()]

    def whole(
        self, name: str, input: Any, *, id: str | None = None, signature: str | None = None
    ) -> list[AnswerEvent]:
        """A call that came in one piece, with its arguments already parsed."""
        call = self._unique(id)
        raw = msgspec.json.encode(input).decode()
        ready = _ready(call, name, raw, input, signature)
        return [ToolStart(call, name), ToolArgs(call, raw), ready]

    def close(self) -> list[AnswerEvent]:
        """Ends every call, in the order they began. Raises UpstreamBroken for a nameless one."""
        calls, self._open = self._open, {}
        return [event for call in calls.values() for event in call.ready()]

    def _unique(self, id: str | None) -> str:
        """An id for a new call; some servers give none, others the same to every call."""
        number = len(self._ids) + 1
        unique = id or f"call_{number}"
        while unique in self._ids:
            unique = f"{id or 'call'}_{number}"
            number += 1
        self._ids.add(unique)
        return unique


class _Call:
    def __init__(self, id: str, *, given_id: str | None) -> None:
        self.id = id
        self.given_id = given_id
        self.signature: str | None = None
        self._name = ""
        self._pieces: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether any of the arguments have come."""
        return bool(self._pieces)

    def add(self, name: str | None, arguments: str | None) -> list[AnswerEvent]:
        if arguments:
            self._pieces.append(arguments)
        if self._name:
            return [ToolArgs(self.id, arguments)] if arguments else []
        if not name:
            return []
        self._name = name
        waiting = "".join(self._pieces)
        started: list[AnswerEvent] = [ToolStart(self.id, name)]
        return [*started, ToolArgs(self.id, waiting)] if waiting else started

    def ready(self) -> list[AnswerEvent]:
        if not self._name:
            raise UpstreamBroken("The model began a tool call and never named the tool.")
        raw = "".join(self._pieces)
        try:
            # A tool without parameters is often called with no arguments at all.
            arguments = msgspec.json.decode(raw) if raw.strip() else {}
        except (msgspec.DecodeError, RecursionError):
            return [ToolReady(self.id, self._name, invalid=raw)]
        return [_ready(self.id, self._name, raw, arguments, self.signature)]


def _ready(call: str, name: str, raw: str, input: Any, signature: str | None) -> ToolReady:
    """What nobody else could read again is told as what is no JSON: as it came."""
    if is_too_deep(input):
        return ToolReady(call, name, invalid=raw)
    return ToolReady(call, name, input=input, signature=signature)


class Sources:
    """What an answer cites, each place once, however often the vendor repeats it."""

    def __init__(self) -> None:
        self._cited: set[tuple[str | None, ...]] = set()

    def cite(
        self,
        *,
        url: str | None = None,
        document: str | None = None,
        title: str | None = None,
        quote: str | None = None,
    ) -> list[AnswerEvent]:
        """The source ``s1``, ``s2``, …; none for one that was cited before, or says nothing."""
        place = (url or None, document or None, quote or None)
        if not (url or document) or place in self._cited:
            return []
        self._cited.add(place)
        id = f"s{len(self._cited)}"
        return [Source(id, place[0], place[1], title or None, place[2])]
