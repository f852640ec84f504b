"""How large an event's text is."""

from __future__ import annotations

import pytest

from tidewire.wire.event import utf8_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("tide", 4), ("é", 2), ("潮", 3), ("🌊", 4), ("\ud83c", 3)],
    ids=ascii,
)
def test_bytes_of_a_text_are_counted_and_half_a_pair_is_three(text: str, size: int) -> None:
    assert utf8_size(text) == size
