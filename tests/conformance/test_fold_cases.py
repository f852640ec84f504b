"""spec/cases/fold.json, run in Python: a message folds the same in both languages."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import msgspec
import pytest

from tests.conformance.cases import load
from tidewire.answers.compact import compact
from tidewire.answers.events import AnswerEvent, decode
from tidewire.answers.fold import Message, fold

Case: TypeAlias = dict[str, Any]

pytestmark = pytest.mark.parametrize("case", load("fold"), ids=lambda case: case["name"])


def answer(case: Case) -> list[AnswerEvent]:
    events = [decode(event["event"], json.dumps(event["data"])) for event in case["events"]]
    known = [event for event in events if event is not None]
    assert len(known) == len(events)
    return known


def test_events_fold_into_the_message(case: Case) -> None:
    assert msgspec.to_builtins(fold(answer(case))) == case["message"]


def test_the_compact_form_folds_into_the_same_message(case: Case) -> None:
    assert msgspec.to_builtins(fold(compact(answer(case)).events)) == case["message"]


def test_a_stored_message_can_be_read_again(case: Case) -> None:
    message = fold(answer(case))
    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
