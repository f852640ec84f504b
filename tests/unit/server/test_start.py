"""Where a viewer begins, for every kind of cursor and of ``from``."""

from __future__ import annotations

import pytest

from tidewire.errors import BadRequest
from tidewire.live.start import Start, find_start
from tidewire.log.base import StreamInfo

STREAM = StreamInfo("run_1", "Ab3xY9", first=11, head=40, closed=False, fence=0)


@pytest.mark.parametrize(
    ("cursor", "start"),
    [
        ("", Start(10)),
        ("-1", Start(10)),
        ("Ab3xY9-0", Start(0, resumed=True, heard_last=True)),  # trimmed: found when it is read
        ("Ab3xY9-k", Start(20, resumed=True, heard_last=True)),
        ("Ab3xY9-k~3", Start(20, within=3, resumed=True, heard_last=True)),
        ("Ab3xY9-14", Start(40, resumed=True, heard_last=True)),
        ("Ab3xY9-15", Start(40, reset="ahead")),
        ("Zz9999-k", Start(40, reset="unknown")),
        ("Zz9999-1.Ab3xY9-k", Start(20, resumed=True)),
        ("7", Start(40, reset="malformed")),
        ("Ab3xY9-K", Start(40, reset="malformed")),
        ("x" * 5000, Start(40, reset="malformed")),
    ],
)
def test_a_cursor_decides_or_is_answered_with_a_reset(cursor: str, start: Start) -> None:
    assert find_start(STREAM, cursor=cursor) == start
    assert find_start(STREAM, cursor=cursor, since="now", prime=True).reset == start.reset


@pytest.mark.parametrize(
    ("since", "offset"),
    [("start", 10), ("now", 40), ("0", 40), ("1", 39), ("30", 10), ("31", 10), ("999999999", 10)],
)
def test_without_a_cursor_the_request_says_where(since: str, offset: int) -> None:
    assert find_start(STREAM, since=since) == Start(offset)
    assert find_start(STREAM, since=since, prime=True) == Start(offset, prime=True)


@pytest.mark.parametrize("since", ["", "end", "-1", "1.5", "٣", "9999999999"])
def test_another_word_is_refused(since: str) -> None:
    with pytest.raises(BadRequest, match="'from' is start, now, or how many"):
        find_start(STREAM, since=since)
