"""A bound of time that a busy machine does not break, and slow code does not keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

ATTEMPTS = 3


async def within(seconds: float, attempt: Callable[[], Awaitable[float]]) -> None:
    """At least one of three attempts, each of which gives how long it took, keeps the bound.

    What else the machine does makes an attempt late now and then; code that is too slow
    makes every one late. An attempt that might never end has a time-out of its own.
    """
    took: list[float] = []
    while len(took) < ATTEMPTS:
        took.append(await attempt())
        if took[-1] <= seconds:
            return
    raise AssertionError(f"It took {took} seconds, never {seconds} or less.")
