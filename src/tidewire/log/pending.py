"""Appends on their way into a store: what was asked, and whom to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tidewire.wire.event import Event

__all__ = ["Append", "settle"]


class Append:
    """One ``Log.append`` call that has not been committed yet."""

    __slots__ = ("close", "events", "fence", "future", "key", "name")

    def __init__(
        self,
        name: str,
        events: Sequence[Event],
        close: bool,
        fence: int | None,
        key: str | None,
        future: asyncio.Future[int],
    ) -> None:
        self.name = name
        self.events = events
        self.close = close
        self.fence = fence
        self.key = key
        self.future = future


def settle(future: asyncio.Future[Any], result: Any) -> None:
    """Resolves ``future`` with a result or an exception, unless its caller has left.

    A caller may ignore the future of an append; the exception counts as seen.
    """
    if future.cancelled():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
        future.exception()
    else:
        future.set_result(result)
