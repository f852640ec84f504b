"""Appends on their way into a store: what was asked, what comes of it, and whom to tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from tidewire.errors import InvalidField
from tidewire.log.base import Commit, Listener
from tidewire.wire.event import Event

__all__ = ["Append", "Commits", "settle", "tell"]

logger = logging.getLogger("tidewire.log")


class Append(msgspec.Struct):
    """One ``Log.append`` call that has not been committed yet."""

    name: str
    events: tuple[Event, ...]
    close: bool
    fence: int | None
    key: str | None
    epoch: str | None
    future: asyncio.Future[int]

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
        self._commits: dict[str, Commit] = {}

    def add(
        self, name: str, epoch: str, first: int, events: Sequence[Event], *, closed: bool
    ) -> None:
        """``events`` are stored from offset ``first`` on; those of a stream come in order."""
        before = self._commits.get(name)
        if before is None:
            self._commits[name] = Commit(name, first, list(events), closed, epoch)
            return
        before.events += events
        before.closed = closed

    def take(self) -> list[Commit]:
        return list(self._commits.values())


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
