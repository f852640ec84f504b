"""Reading on by number: the same event in every reading, however it was read."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable

import pytest

from tidewire.answers.events import RunFinished, RunStarted, TextDelta, TextEnd, TextStart, encode
from tidewire.dialects.ai_sdk import AiSdk
from tidewire.server.counted import Counted, count
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser

ANSWER = [
    Event(event.type, encode(event))
    for event in (
        RunStarted("run_1"),
        TextStart("t1"),
        *(TextDelta("t1", piece) for piece in ("one ", "data: [DONE]\n\n", "two")),
        TextEnd("t1"),
        RunFinished(),
    )
]


def types(pieces: Iterable[bytes]) -> list[str]:
    events = [event for piece in pieces for event in Parser().feed(piece)]
    return [e.data if e.data == "[DONE]" else json.loads(e.data)["type"] for e in events]


def whole() -> list[str]:
    return types([Counted(AiSdk()).encoder().encode("e", 1, ANSWER)])


def test_what_is_read_together_is_not_joined() -> None:
    assert whole().count("text-delta") == 3
    assert types([AiSdk().encoder().encode("e", 1, ANSWER)]).count("text-delta") == 1
    assert count(AiSdk(), ANSWER) == len(whole()) - 1  # [DONE] is no chunk
    assert count(AiSdk(), ANSWER[:4]) == 5


@pytest.mark.parametrize("after", range(12))
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_so_many_are_left_out_wherever_the_stream_is_cut(after: int, cut: int) -> None:
    encoder = Counted(AiSdk(), after).encoder()
    before = encoder.encode("e", 1, ANSWER[:cut])
    twin = copy.copy(encoder)  # as when a viewer goes its own way
    rest = [each.encode("e", cut + 1, ANSWER[cut:]) for each in (encoder, twin)]
    assert rest[0] == rest[1]
    assert types([before, rest[0]]) == whole()[after:]
