"""spec/cases/fold.json, run in Python: a message folds the same in both languages."""

import json

import msgspec
import pytest

from tests.conformance.cases import load
from tidewire.answers.compact import compact
from tidewire.answers.events import decode
from tidewire.answers.fold import Message, fold

pytestmark = pytest.mark.parametrize("case", load("fold"), ids=lambda case: case["name"])


def answer(case):
    events = [decode(event["event"], json.dumps(event["data"])) for event in case["events"]]
    assert None not in events
    return events


def test_events_fold_into_the_message(case):
    assert msgspec.to_builtins(fold(answer(case))) == case["message"]


def test_the_compact_form_folds_into_the_same_message(case):
    assert msgspec.to_builtins(fold(compact(answer(case)).events)) == case["message"]


def test_a_stored_message_can_be_read_again(case):
    message = fold(answer(case))
    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
