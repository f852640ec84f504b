"""What goes over the wire and when, without any wire or waiting."""

from __future__ import annotations

import math
import random
from itertools import islice

import pytest

from tidewire.mock.apis.base import Api
from tidewire.mock.apis.ollama import Ollama
from tidewire.mock.question import Turn, asked
from tidewire.mock.timeline import Moment, document, streamed
from tidewire.testing import Fault, Pace, Rule

SAID = "one two three 潮水"


def api() -> Api:
    question = asked("m", [Turn("user", "When?")], stream=True, body={})
    return Ollama(question, id="0", created=0)


def moments(pace: Pace = Pace(), *, seed: int = 0, **fault: object) -> list[Moment]:  # noqa: B008
    rule = Rule(say=SAID, fault=Fault(**fault))  # type: ignore[arg-type]
    return list(streamed(api(), rule, pace, random.Random(seed)))


def data(timeline: list[Moment]) -> bytes:
    return b"".join(moment.data or b"" for moment in timeline)


WHOLE = moments()


def test_pace() -> None:
    timeline = moments(Pace(first_token_seconds=2, tokens_per_second=4))
    assert [at for at, _ in timeline] == [2.0, 2.25, 2.5, 2.75, 3.0, 3.0]
    assert data(timeline) == data(WHOLE)


def test_jitter_is_the_seeds() -> None:
    pace = Pace(first_token_seconds=2, tokens_per_second=4, jitter=0.5)
    timeline = moments(pace)
    assert timeline == moments(pace) != moments(pace, seed=1)
    assert 1 <= timeline[0].at_seconds <= 3
    pauses = [b.at_seconds - a.at_seconds for a, b in zip(timeline, timeline[1:-1], strict=False)]
    assert all(0.125 <= pause <= 0.375 for pause in pauses)
    assert len(set(pauses)) > 1


def test_a_document_comes_when_the_stream_would_have_ended() -> None:
    pace = Pace(first_token_seconds=2, tokens_per_second=4)
    (moment,) = document(api(), Rule(say=SAID), pace, random.Random(0))
    assert moment.at_seconds == 3.0
    assert SAID.encode() in (moment.data or b"")


@pytest.mark.parametrize("count", [0, 1, 4])
def test_break_after_events(count: int) -> None:
    assert moments(break_after=count) == [*WHOLE[:count], Moment(0.0, None)]


@pytest.mark.parametrize("count", [0, 1, 80, 199])
def test_break_after_bytes(count: int) -> None:
    *sent, last = moments(break_after_bytes=count)
    assert data(sent) == data(WHOLE)[:count]
    assert last == Moment(0.0, None)


def test_a_break_after_the_end_is_none() -> None:
    assert moments(break_after=100) == moments(break_after_bytes=100_000) == WHOLE


def test_stall() -> None:
    assert [at for at, _ in moments(stall_after=2, stall_seconds=9)] == [0, 0, 9, 9, 9, 9]
    assert moments(stall_after=2)[2].at_seconds == math.inf


def test_split_cuts_inside_characters() -> None:
    timelines = [moments(split=True, seed=seed) for seed in range(30)]
    assert all(data(timeline) == data(WHOLE) for timeline in timelines)
    assert all(len(timeline) > 2 * len(WHOLE) for timeline in timelines)
    assert any(_is_half(piece) for timeline in timelines for _, piece in timeline)


def _is_half(piece: bytes | None) -> bool:
    try:
        (piece or b"").decode()
    except UnicodeDecodeError:
        return True
    return False


def test_drip() -> None:
    timeline = moments(drip_seconds=0.5)
    assert data(timeline) == data(WHOLE)
    assert all(len(piece or b"") == 1 for _, piece in timeline)
    assert [at for at, _ in timeline[:4]] == [0.5, 1.0, 1.5, 2.0]


def test_no_terminator() -> None:
    assert moments(no_terminator=True) == WHOLE[:-1]


@pytest.mark.parametrize("say", ["tide ", ""])
def test_never_end(say: str) -> None:
    rule = Rule(say=say, fault=Fault(never_end=True))
    timeline = streamed(api(), rule, Pace(), random.Random(0))
    assert len(list(islice(timeline, 1000))) == 1000
