"""Who is in a room by the word of one process."""

from __future__ import annotations

import math

from tidewire.chat.attendance import GRACE_SECONDS, LEASE_SECONDS, MAX_PEOPLE, Attendance


def test_tabs_count_once() -> None:
    room = Attendance()
    room.connect("ann", "Ann")
    room.connect("ann", "Ann")
    assert room.here(0.0) == {"ann": "Ann"}
    room.disconnect("ann", 10.0)
    assert room.here(10_000.0) == {"ann": "Ann"}
    assert room.changes_at == math.inf


def test_who_closes_the_last_tab_stays_for_the_grace() -> None:
    room = Attendance()
    room.connect("ann", "Ann")
    room.disconnect("ann", 10.0)
    assert room.changes_at == 10.0 + GRACE_SECONDS
    assert room.here(10.0 + GRACE_SECONDS - 0.1) == {"ann": "Ann"}
    assert room.here(10.0 + GRACE_SECONDS) == {}


def test_a_reload_within_the_grace_is_no_leave() -> None:
    room = Attendance()
    room.connect("ann", "Ann")
    room.disconnect("ann", 10.0)
    room.connect("ann", "Ann")
    assert room.here(1000.0) == {"ann": "Ann"}


def test_a_lease_lasts_as_long_as_it_is_renewed() -> None:
    room = Attendance()
    room.renew("ann", "Ann", 0.0)
    room.renew("ann", "Ann", 20.0)
    assert room.here(20.0 + LEASE_SECONDS - 0.1) == {"ann": "Ann"}
    assert room.here(20.0 + LEASE_SECONDS) == {}


def test_who_leaves_is_gone_at_once() -> None:
    room = Attendance()
    room.renew("ann", "Ann", 0.0)
    room.leave("ann")
    assert room.here(0.0) == {}


def test_who_leaves_in_one_tab_is_still_in_the_other() -> None:
    room = Attendance()
    room.connect("ann", "Ann")
    room.renew("ann", "Ann", 0.0)
    room.leave("ann")
    assert room.here(1000.0) == {"ann": "Ann"}


def test_leaving_without_having_come_is_no_error() -> None:
    Attendance().leave("ann")


def test_a_room_lists_so_many_people_and_no_more() -> None:
    room = Attendance()
    for number in range(MAX_PEOPLE):
        assert room.connect(f"user{number}", "x")
    assert not room.connect("late", "Late")
    assert not room.renew("late", "Late", 0.0)
    assert room.connect("user0", "x")
    assert len(room.here(0.0)) == MAX_PEOPLE
