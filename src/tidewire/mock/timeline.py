"""What goes over the wire, and when: the one form of an answer from whatever source. Pure.

A timeline is a series of moments in their order. It is made lazily, so that it may be
endless; time is a number in it, nothing here waits.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import astuple

from tidewire.answers.events import AnswerEvent, ReasoningDelta, TextDelta, ToolArgs, Usage
from tidewire.answers.fold import fold
from tidewire.mock.apis.base import Api, compact
from tidewire.mock.scenario import Fault, Pace, Rule
from tidewire.mock.script import spoken

__all__ = ["Moment", "Timeline", "document", "streamed"]

GARBAGE = b'data: {"garb\xff\xfeage": \n\n'
_MAX_PIECE_BYTES = 12


class Moment(NamedTuple):
    """``data`` leaves ``at_seconds`` after the request came; None: the connection is cut."""

    at_seconds: float
    data: bytes | None


Timeline = Iterator[Moment]


def streamed(api: Api, rule: Rule, pace: Pace, rng: random.Random) -> Timeline:
    """The answer as a stream, with everything that goes wrong."""
    timeline = _with_faults(_frames(api, rule, pace, rng), api, rule.fault)
    if rule.fault.drip_seconds or rule.fault.split:
        timeline = _in_pieces(timeline, rule.fault, rng)
    limit = rule.fault.break_after_bytes
    return timeline if limit is None else _cut(timeline, limit)


def document(api: Api, rule: Rule, pace: Pace, rng: random.Random) -> Timeline:
    """The answer in one piece, when a stream would have been at its end."""
    clock = _Clock(pace, rng)
    events = list(spoken(rule, api.question, rng))
    for event in events:
        clock.tick(event)
        api.write(event)
    whole = compact(api.document(fold(events), rule.reason, _usage(api, rule)))
    yield Moment(clock.now, whole)


class _Clock:
    """When the next event comes: every token takes its time."""

    def __init__(self, pace: Pace, rng: random.Random) -> None:
        self._pace = pace
        self._rng = rng
        self.now = self._about(pace.first_token_seconds)
        self._spoke = False

    def tick(self, event: AnswerEvent) -> None:
        if not isinstance(event, TextDelta | ReasoningDelta | ToolArgs):
            return
        if self._spoke and self._pace.tokens_per_second:
            self.now += self._about(1 / self._pace.tokens_per_second)
        self._spoke = True

    def _about(self, seconds: float) -> float:
        jitter = self._pace.jitter
        return seconds * self._rng.uniform(1 - jitter, 1 + jitter)


def _frames(api: Api, rule: Rule, pace: Pace, rng: random.Random) -> Timeline:
    """Each event of the wire at its time, nothing wrong yet but what never ends."""
    clock = _Clock(pace, rng)
    for frame in api.begin():
        yield Moment(clock.now, frame)
    for event in spoken(rule, api.question, rng):
        clock.tick(event)
        for frame in api.write(event):
            yield Moment(clock.now, frame)
    ending = api.end(rule.reason, _usage(api, rule))
    for frame in ending[:-1] if rule.fault.no_terminator else ending:
        yield Moment(clock.now, frame)


def _usage(api: Api, rule: Rule) -> Usage:
    return api.usage if rule.usage is None else Usage(*astuple(rule.usage))


def _with_faults(frames: Timeline, api: Api, fault: Fault) -> Timeline:
    late = 0.0
    for sent, (at, data) in enumerate(frames):
        if sent == fault.stall_after:
            late = math.inf if fault.stall_seconds is None else fault.stall_seconds
        if sent == fault.garbage_after:
            yield Moment(at + late, GARBAGE)
        if sent == fault.break_after:
            yield Moment(at + late, None)
            return
        if sent == fault.error_after:
            yield Moment(at + late, api.failure(fault.message))
            return
        if sent == fault.end_after:
            return
        yield Moment(at + late, data)


def _in_pieces(timeline: Timeline, fault: Fault, rng: random.Random) -> Timeline:
    """The same bytes, cut anywhere; dripping makes what follows late, too."""
    late = 0.0
    for at, data in timeline:
        if data is None:
            yield Moment(at + late, None)
            return
        while data:
            size = 1 if fault.drip_seconds else rng.randint(1, _MAX_PIECE_BYTES)
            piece, data = data[:size], data[size:]
            late += fault.drip_seconds
            yield Moment(at + late, piece)


def _cut(timeline: Timeline, limit: int) -> Timeline:
    """The first ``limit`` bytes, then the connection is cut."""
    for at, data in timeline:
        if data is not None and len(data) < limit:
            limit -= len(data)
            yield Moment(at, data)
            continue
        if data is not None and limit:
            yield Moment(at, data[:limit])
        yield Moment(at, None)
        return
