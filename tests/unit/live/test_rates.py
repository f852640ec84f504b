"""So many a window and no more, and nothing is kept of names that rest."""

from __future__ import annotations

from tidewire.live.rates import Rates


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_so_many_a_second_and_then_again() -> None:
    clock = Clock()
    rates = Rates(clock)
    assert [rates.allows("a", 3) for _ in range(5)] == [True, True, True, False, False]
    clock.seconds = 0.99
    assert not rates.allows("a", 3)
    clock.seconds = 1.0
    assert [rates.allows("a", 3) for _ in range(4)] == [True, True, True, False]


def test_a_window_may_be_longer() -> None:
    clock = Clock()
    rates = Rates(clock, window_seconds=10.0)
    assert [rates.allows("a", 1), rates.allows("a", 1)] == [True, False]
    clock.seconds = 9.9
    assert not rates.allows("a", 1)
    clock.seconds = 10.0
    assert rates.allows("a", 1)


def test_names_do_not_share() -> None:
    rates = Rates(Clock())
    assert rates.allows("a", 1)
    assert rates.allows("b", 1)
    assert not rates.allows("a", 1)


def test_names_that_rest_are_forgotten() -> None:
    clock = Clock()
    rates = Rates(clock)
    for number in range(1000):
        clock.seconds = number / 100
        rates.allows(f"name {number}", 1)
    assert len(rates._windows) <= 101
