"""Which failures are worth another attempt, and how long to wait for it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import (
    ModelError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from tidewire.models.retry import Retries


def refused(status: int, retry_after: float | None = None) -> UpstreamRefused:
    return UpstreamRefused("", upstream_status=status, retry_after_seconds=retry_after)


def retries(limit: int = 2) -> Retries:
    return Retries(limit, random.Random(1))


@pytest.mark.parametrize(
    "error", [refused(429), refused(503), UpstreamUnreachable(""), UpstreamBroken("")], ids=repr
)
def test_worth_another_attempt(error: ModelError) -> None:
    pause = retries().pause_seconds(error)
    assert pause is not None
    assert 0.25 <= pause <= 0.5


@pytest.mark.parametrize(
    "error", [refused(400), refused(401), UpstreamTimeout(""), UpstreamTooLarge("")], ids=repr
)
def test_not_worth_another_attempt(error: ModelError) -> None:
    assert retries().pause_seconds(error) is None


def test_no_more_than_the_limit() -> None:
    some = retries(1)
    assert some.pause_seconds(refused(500)) is not None
    assert some.pause_seconds(refused(500)) is None
    assert retries(0).pause_seconds(refused(500)) is None


def test_waits_as_long_as_the_vendor_asks() -> None:
    assert retries().pause_seconds(refused(429, 1.2)) == 1.2


def test_whoever_asks_for_more_patience_than_there_is_is_passed_on() -> None:
    assert retries().pause_seconds(refused(429, 7)) is None
    some = retries()
    assert some.pause_seconds(refused(429, 1)) == 1
    assert some.pause_seconds(refused(429, 1)) is None


@given(st.integers(), st.integers(0, 50))
def test_all_pauses_together_are_short_enough_for_a_status(seed: int, limit: int) -> None:
    some = Retries(limit, random.Random(seed))
    pauses = []
    while (pause := some.pause_seconds(refused(500))) is not None:
        pauses.append(pause)
    assert sum(pauses) <= 1.5
    assert len(pauses) <= limit
