"""Characters cut in half by the model API's server come out whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.answers.events import TextDelta, ToolReady
from tidewire.models.openai_reader import Reader


def chunk(**delta: object) -> str:
    """As JavaScript's JSON.stringify writes it: what is no character is escaped."""
    return json.dumps({"choices": [{"index": 0, "delta": delta}]})


def text(*chunks: str) -> str:
    reader = Reader()
    events = [event for data in chunks for event in reader.feed(data)]
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


def utf16_pieces(text: str, size: int) -> list[str]:
    """``text`` cut as JavaScript's ``slice`` cuts it."""
    units = text.encode("utf-16-le")
    cut = [units[at : at + 2 * size] for at in range(0, len(units), 2 * size)]
    return [piece.decode("utf-16-le", "surrogatepass") for piece in cut]


@given(st.text(st.sampled_from('a🌊\\"月\nu'), max_size=12), st.integers(1, 3))
def test_a_text_cut_by_utf_16_units_is_whole(said: str, size: int) -> None:
    assert text(*(chunk(content=piece) for piece in utf16_pieces(said, size))) == said


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["\ud83c", "\udf0a"], "🌊"),
        (["\ud83c", "", "\udf0a!"], "🌊!"),
        (["\udf0a"], "\ufffd"),
        (["\udf0a\ud83c", "\udf0a"], "\ufffd🌊"),
        (["\\ud83c \ud83c", "\udf0a"], "\\ud83c 🌊"),
    ],
)
def test_halves_find_each_other_or_are_replaced(pieces: list[str], said: str) -> None:
    assert text(*(chunk(content=piece) for piece in pieces)) == said


def test_arguments_of_a_tool_are_joined_too() -> None:
    reader = Reader()
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a": "\ud83c'}}
    reader.feed(chunk(tool_calls=[call]))
    reader.feed(chunk(tool_calls=[{"index": 0, "function": {"arguments": '\udf0a"}'}}]))
    reader.complete = True
    (ready,) = reader.end()
    assert ready == ToolReady("c", "f", input={"a": "🌊"})
