"""Backoff: exponential under a ceiling, fully jittered, never under what was asked."""

from __future__ import annotations

from tidewire.client.backoff import Backoff


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base_seconds=0.5, cap_seconds=30.0, random=lambda: 1.0)
    delays = [backoff.next_delay() for _ in range(100)]
    assert delays[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert delays[-1] == 30.0


def test_the_jitter_is_full() -> None:
    dice = iter([0.0, 0.25, 0.5])
    backoff = Backoff(base_seconds=1.0, random=lambda: next(dice))
    assert [backoff.next_delay() for _ in range(3)] == [0.0, 0.5, 2.0]


def test_the_server_is_never_asked_again_earlier_than_it_wants() -> None:
    backoff = Backoff(base_seconds=1.0, cap_seconds=30.0, random=lambda: 0.5)
    assert backoff.next_delay(at_least_seconds=5.0) == 5.0
    assert backoff.next_delay(at_least_seconds=0.1) == 1.0
    assert backoff.next_delay(at_least_seconds=1e9) == 30.0


def test_progress_starts_it_over() -> None:
    backoff = Backoff(base_seconds=1.0, random=lambda: 1.0)
    backoff.next_delay()
    backoff.next_delay()
    assert backoff.attempt == 2
    backoff.reset()
    assert (backoff.attempt, backoff.next_delay()) == (0, 1.0)
