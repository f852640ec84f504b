"""What became of each request to the mock: the book that tests look into."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

__all__ = ["Exchange", "Exchanges"]

_KEPT = 1000


class Exchange:
    """One request. ``rule`` is the place of the rule that answered, None for the echo.

    ``state``: answering; then finished, broken (by a fault), or left (by the client).
    ``ended`` is set when it changes. ``headers`` are those of the request, names in lower
    case, as the client sent them: for assertions in a test, never reported.
    """

    def __init__(self, api: str, method: str, path: str, headers: dict[str, str]) -> None:
        self.api = api
        self.method = method
        self.path = path
        self.headers = headers
        self.body: dict[str, Any] = {}
        self.model = ""
        self.question = ""
        self.rule: int | None = None
        self.status = 0
        self.state = "answering"
        self.sent_bytes = 0
        self.ended = asyncio.Event()

    def report(self) -> dict[str, Any]:
        """What may be shown: no header and no body, where keys and secrets are."""
        names = "api", "method", "path", "model", "question", "rule", "status", "state"
        return {name: getattr(self, name) for name in (*names, "sent_bytes")}


class Exchanges:
    """The latest thousand, oldest first, and the counts of all. ``on_end`` hears of each end."""

    def __init__(self) -> None:
        self.latest: deque[Exchange] = deque(maxlen=_KEPT)
        self.on_end: Callable[[Exchange], object] | None = None
        self._states: Counter[str] = Counter()

    def begin(self, exchange: Exchange) -> None:
        self.latest.append(exchange)
        self._states[exchange.state] += 1

    def end(self, exchange: Exchange, state: str) -> None:
        self._states[exchange.state] -= 1
        self._states[state] += 1
        exchange.state = state
        exchange.ended.set()
        if self.on_end is not None:
            self.on_end(exchange)

    def report(self) -> dict[str, Any]:
        """How many are in each state, and the latest one by one."""
        states = "answering", "finished", "broken", "left"
        counts = {state: self._states[state] for state in states}
        return {**counts, "requests": [exchange.report() for exchange in self.latest]}
