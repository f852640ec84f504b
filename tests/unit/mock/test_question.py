"""What a rule looks at, out of the turns of a conversation."""

from __future__ import annotations

import pytest

from tidewire.errors import BadRequest
from tidewire.mock.question import Turn, asked, text_of


def ask(*turns: Turn) -> tuple[str, tuple[str, ...], str]:
    question = asked("m", list(turns), stream=True, body={})
    return question.text, question.tools, question.result


def test_the_last_thing_the_person_said() -> None:
    turns = Turn("user", "one"), Turn("assistant", "yes"), Turn("user", "two")
    assert ask(*turns) == ("two", (), "")


def test_the_results_that_came_last_in_their_order() -> None:
    early = Turn("tool", "0", "clock"), Turn("user", "and now?")
    late = Turn("tool", "1", "tide"), Turn("tool", "2", "wind")
    assert ask(*early, *late) == ("and now?", ("tide", "wind"), "1\n2")
    assert ask(*early) == ("and now?", (), "")


def test_tokens_of_all_that_was_said() -> None:
    turns = [Turn("system", "Be brief."), Turn("user", "When?")]
    assert asked("m", turns, stream=True, body={}).input_tokens == 5


def test_no_turn_is_no_question() -> None:
    with pytest.raises(BadRequest):
        ask()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("High", "High"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}, 7], "ab"),
        ({"port": "x"}, '{"port":"x"}'),
    ],
)
def test_the_text_of_any_content(content: object, text: str) -> None:
    assert text_of(content) == text
