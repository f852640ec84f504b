"""What is stored of an answer event, and what is read of it: nothing is taken for another."""

from __future__ import annotations

import pytest

from tidewire.answers.events import TextDelta, decode, encode
from tidewire.errors import WireError


def test_an_event_is_read_as_it_was_stored() -> None:
    event = TextDelta("t1", "half a 🌊\n")
    assert decode(event.type, encode(event)) == event


def test_a_type_outside_the_vocabulary_is_nobodys_mistake() -> None:
    assert decode("telepathy", "{") is None


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"part":"t1","delta":7}'])
def test_data_that_does_not_fit_its_type_is_damage_and_says_of_what(data: str) -> None:
    with pytest.raises(WireError, match=r"The data of text\.delta is not valid\."):
        decode("text.delta", data)


def test_data_nested_too_deeply_to_be_read_is_damage_as_well() -> None:
    deep = "[" * 5000 + "]" * 5000
    with pytest.raises(WireError):
        decode("tool.result", f'{{"call":"c","output":{deep}}}')
