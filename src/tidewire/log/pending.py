"""Appends on their way into a store: what was asked, what comes of it, and whom to tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from tidewire.errors import InvalidField
from tidewire.log.base import Commit, Listener
from tidewire.wire.event import Event

__all__ = ["Append", "Commits", "settle", "tell"]

logger = logging.getLogger("tidewire.log")


class Append:
    """One ``Log.append`` call that has not been committed yet."""

    __slots__ = ("close", "epoch", "events", "fence", "future", "key", "name")

    def __init__(
        self,
        name: str,
        events: Iterable[Event],
        close: bool,
        fence: int | None,
        key: str | None,
        epoch: str | None,
        future: asyncio.Future[int],
    ) -> None:
        self.name = name
        self.events = tuple(events)  # the caller may change its list before the commit
        self.close = close
        self.fence = fence
        self.key = key
        self.epoch = epoch
        self.future = future

    def check(self) -> None:
        """Raises InvalidField for text that has no UTF-8: it would spoil the whole commit."""
        try:
            for type, data in self.events:
                if not (type.isascii() and data.isascii()):
                    f"{type}{data}".encode()
            if self.key is not None:
                self.key.encode()
        except UnicodeEncodeError as exc:
            raise InvalidField("A lone surrogate has no UTF-8 and cannot be stored.") from exc


class Commits:
    """What one commit adds: one Commit for each stream, in the order of first appends."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._closed: set[str] = set()

    def add(self, epoch: str, first: int, entry: Append) -> None:
        """``entry`` is stored from offset ``first`` on."""
        if entry.events or entry.close:
            self._places.setdefault(entry.name, (epoch, first))
            self._events.setdefault(entry.name, []).extend(entry.events)
        if entry.close:
            self._closed.add(entry.name)

    def add_event(self, name: str, epoch: str, offset: int, event: Event, closed: bool) -> None:
        """An event that another process has stored; events of a stream come in order."""
        self._places.setdefault(name, (epoch, offset))
        self._events.setdefault(name, []).append(event)
        if closed:
            self._closed.add(name)

    def take(self) -> list[Commit]:
        return [
            Commit(name, first, self._events[name], name in self._closed, epoch)
            for name, (epoch, first) in self._places.items()
        ]


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


def tell(listener: Listener | None, commits: Sequence[Commit]) -> None:
    """Tells the listener of a commit. What it raises is its own fault, and only logged."""
    if listener is None or not commits:
        return
    try:
        listener(commits)
    except Exception:
        logger.exception("The listener of the log failed.")
