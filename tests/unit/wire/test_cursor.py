"""Cursors beyond the cases: any position survives, any text is a cursor or refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidewire.errors import InvalidCursor
from tidewire.wire.cursor import (
    CHANGED,
    EPOCH_LENGTH,
    MAX_CURSOR_LENGTH,
    Position,
    base36,
    new_epoch,
    read_cursor,
    write_cursor,
)

epochs = st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True)
positions = st.builds(Position, epochs, st.integers(0, 2**53 - 1), st.integers(0, 999_999_999))


@given(st.lists(positions, min_size=1, max_size=10, unique_by=lambda position: position.epoch))
def test_positions_survive(places: list[Position]) -> None:
    assert read_cursor(write_cursor(places)) == places


@given(st.text(st.sampled_from("aZ09.-~_\n"), max_size=12) | st.text(max_size=20))
@example(f"a-0{CHANGED}")
def test_any_text_is_one_spelling_or_refused(text: str) -> None:
    try:
        places = read_cursor(text)
    except InvalidCursor:
        return
    assert write_cursor(places) == text.removesuffix(CHANGED)


@given(st.integers(0, 2**63))
def test_base36_is_what_int_reads(number: int) -> None:
    assert int(base36(number), 36) == number


def test_ten_long_streams_fit_a_safelisted_header() -> None:
    places = [Position(new_epoch(), 36**4 - 1) for _ in range(10)]
    assert len(write_cursor(places)) <= 128


def test_a_cursor_has_a_maximal_length() -> None:
    places = [Position(f"e{number:015d}", 1) for number in range(MAX_CURSOR_LENGTH // 19)]
    before = write_cursor(places)
    last = "x" * (MAX_CURSOR_LENGTH - len(before) - len(".-1"))
    assert len(read_cursor(f"{before}.{last}-1")) == len(places) + 1
    with pytest.raises(InvalidCursor, match="1 to 4096"):
        read_cursor(f"{before}.{last}x-1")


def test_epochs_are_fresh_and_fit_a_cursor() -> None:
    fresh = {new_epoch() for _ in range(100)}
    assert len(fresh) == 100
    for epoch in fresh:
        assert len(epoch) == EPOCH_LENGTH
        assert read_cursor(f"{epoch}-0") == [Position(epoch, 0)]
