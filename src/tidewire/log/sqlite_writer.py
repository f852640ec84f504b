"""The writer thread of the SQLite log: one batch, one transaction.

Owns the way from the event loop to the disk and back. While one transaction runs, the
loop collects the next batch. Whatever happens in a transaction, the thread lives on and
every future is settled. Knows nothing of SQL.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from tidewire.errors import LogUnavailable, TidewireError
from tidewire.log.base import Commit
from tidewire.log.pending import Append, settle
from tidewire.log.sqlite_errors import unavailable
from tidewire.log.sqlite_store import Store

__all__ = ["Call", "Writer"]

GAP_SECONDS = 0.003  # between two commits under load: what a commit costs, many events share
FOLLOW_SECONDS = 0.05  # how long what another process wrote may stay unseen

logger = logging.getLogger("tidewire.log")


class Call(msgspec.Struct):
    """Work for the store that is not an append."""

    work: Callable[[Store], Any]
    future: asyncio.Future[Any]


Entry: TypeAlias = Append | Call
Report: TypeAlias = Callable[[Sequence[Commit]], None]


class _Outcome:
    """What became of a batch: a result for each entry, or the one failure of all."""

    __slots__ = ("commits", "failure", "results")

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.commits: list[Commit] = []
        self.failure: LogUnavailable | None = None


class Writer:
    """Takes entries on the loop it was made on.

    ``report`` hears of commits there, other processes' included, before the futures are
    settled; ``after`` is called in the thread, after each transaction.
    """

    def __init__(self, store: Store, report: Report, after: Callable[[], None]) -> None:
        self.failure: str | None = None
        self._store = store
        self._report = report
        self._after = after
        self._loop = asyncio.get_running_loop()
        self._pending: list[Entry] = []
        self._busy = False
        self._idle: asyncio.Future[None] | None = None  # set while closing
        self._batches: queue.SimpleQueue[list[Entry] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="tidewire-write", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> None:
        if self._idle is not None:
            settle(entry.future, LogUnavailable("The log is closed."))
            return
        self._pending.append(entry)
        if not self._busy:
            # The rest of this turn of the loop joins the commit.
            self._busy = True
            self._loop.call_soon(self._hand_over)

    async def close(self) -> None:
        """Ends what is pending, then the thread."""
        self._idle = self._loop.create_future()
        if self._busy:
            await self._idle
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        batch, self._pending = self._pending, []
        self._batches.put(batch)

    def _write(self) -> None:
        """The thread. With nothing to write it looks, now and then, what others wrote."""
        try:
            while True:
                try:
                    batch = self._batches.get(timeout=FOLLOW_SECONDS)
                except queue.Empty:
                    self._follow()
                    continue
                if batch is None:
                    return
                outcome = self._transact(batch)
                self._loop.call_soon_threadsafe(self._committed, batch, outcome)
                self._after()
        except RuntimeError:  # the loop was closed: nobody waits any more
            return

    def _follow(self) -> None:
        try:
            foreign = self._store.transact(_nothing) if self._store.is_behind else []
        except Exception as exc:  # if it is serious, the next append will tell
            logger.debug("Could not look for what others wrote.", exc_info=exc)
            return
        if foreign:
            self._loop.call_soon_threadsafe(self._report, foreign)

    def _transact(self, batch: list[Entry]) -> _Outcome:
        outcome = _Outcome()
        try:
            foreign = self._store.transact(lambda: self._perform(batch, outcome))
            outcome.commits = foreign + outcome.commits
        except Exception as exc:
            outcome = _Outcome()
            outcome.failure = unavailable(exc, "written")
        return outcome

    def _perform(self, batch: list[Entry], outcome: _Outcome) -> None:
        """All of a batch in its order; appends in a row go to the store together."""
        appends: list[Append] = []
        for entry in batch:
            if isinstance(entry, Append):
                appends.append(entry)
                continue
            self._perform_appends(appends, outcome)
            appends = []
            try:
                outcome.results.append(entry.work(self._store))
            except TidewireError as exc:
                outcome.results.append(exc)
            outcome.commits += self._store.take_deleted()
        self._perform_appends(appends, outcome)

    def _perform_appends(self, appends: list[Append], outcome: _Outcome) -> None:
        if appends:
            results, commits = self._store.append(appends)
            outcome.results += results
            outcome.commits += commits

    def _committed(self, batch: list[Entry], outcome: _Outcome) -> None:
        """Back on the loop: the next batch goes first, then the news of this one."""
        self._note(outcome.failure)
        if outcome.failure is not None:
            batch += self._take_followers()
            outcome.results = [outcome.failure] * len(batch)
        if self._pending:
            self._loop.call_later(GAP_SECONDS, self._hand_over)
        else:
            self._rest()
        self._report(outcome.commits)
        for entry, result in zip(batch, outcome.results, strict=True):
            settle(entry.future, result)

    def _rest(self) -> None:
        self._busy = False
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _note(self, failure: LogUnavailable | None) -> None:
        if failure is not None and self.failure is None:
            logger.error("%s", failure, exc_info=failure.__cause__)
        elif failure is None and self.failure is not None:
            logger.warning("The log can be written again.")
        self.failure = None if failure is None else str(failure)

    def _take_followers(self) -> list[Entry]:
        """The appends that wait: they fail, too. Their callers do not know yet that the
        ones before failed, and a stream must not get a hole."""
        followers: list[Entry] = [entry for entry in self._pending if isinstance(entry, Append)]
        self._pending = [entry for entry in self._pending if isinstance(entry, Call)]
        return followers


def _nothing() -> None:
    """The work of a transaction that only reads what others wrote."""
