"""A run: one producer that appends to one stream until it ends, exactly once.

The stream is the truth. Everything said is appended without waiting for the commit,
but never more than a little ahead of it. The end – finished, stopped or failed – is
appended together with the close of the stream, so there is exactly one, and what was
said before it is kept. The fence makes sure that a run that was taken over by another
process cannot say anything more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from functools import partial

import msgspec

from tidewire.answers.events import (
    TERMINAL_TYPES,
    AnswerEvent,
    RunFailed,
    RunFinished,
    RunStopped,
    encode,
)
from tidewire.answers.open_parts import OpenParts
from tidewire.errors import Fenced, LogError, LogUnavailable, ModelError
from tidewire.log.base import Log, StreamInfo
from tidewire.models.answer import Answer, Hold, tell
from tidewire.models.base import ChatRequest, Finish
from tidewire.models.usage import Meter
from tidewire.runs.source import Composer, Source
from tidewire.wire.event import Event, utf8_size

__all__ = ["Limits", "Run"]

logger = logging.getLogger("tidewire.runs")

CHECK_EVERY = 64
CLOSE_SOURCE_SECONDS = 5.0
_ENDING = TERMINAL_TYPES | {Finish.type}
_UNFINISHED = RunFailed("internal", "The answer could not be finished.", retryable=True)


class Limits(msgspec.Struct, frozen=True):
    """What one run may take. A run over a limit fails with what it has said so far."""

    max_seconds: float = 3600.0
    max_silence_seconds: float = 300.0
    max_bytes: int = 32 * 1024 * 1024
    max_events: int = 500_000
    max_event_bytes: int = 4 * 1024 * 1024
    store_retry_seconds: float = 1.0
    """How often to try again to store the end, while the log cannot be written."""


class _Ended(Exception):
    """The run is over, whatever else its source may say."""


class _OverLimit(Exception):
    """The run said, or took, more than it may."""


class Run:
    """One generation. ``begun`` is done at its first event or its end, whichever is first."""

    def __init__(
        self,
        id: str,
        stream: StreamInfo,
        log: Log,
        source: Source,
        *,
        limits: Limits,
        session: str | None = None,
        request: ChatRequest | None = None,
        started: asyncio.Future[int] | None = None,
    ) -> None:
        self.id = id
        self.stream = stream
        self.session = session
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refused: RunFailed | None = None
        """The failure of a run that ended before it had said anything."""
        self.error: ModelError | None = None
        self.ended = False
        self.first_token_seconds: float | None = None
        self._source = source
        self._limits = limits
        self._composer = Composer()
        self._open = OpenParts()
        # An answer of a model's adapter is counted there already.
        told = source.meter if isinstance(source, Answer) else None
        self._own_meter = Meter(request) if told is None and request is not None else None
        self._meter = told or self._own_meter
        self._check_at = CHECK_EVERY
        self._reason = "stop"
        self._events = 0
        self._bytes = 0
        self._stored = started  # the latest append; the first is that of run.started
        self._checkpoint: asyncio.Future[int] | None = None
        self._loop = asyncio.get_running_loop()
        self._started_at = self._spoke_at = self._loop.time()
        self._heard_events = 0
        # To this stream as its owner, and never to a later one of its name.
        self._store = partial(log.append, stream.name, fence=stream.fence, epoch=stream.epoch)
        self._storing_end: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begins to generate; the task ends when the end is stored."""
        self._task = self._loop.create_task(self._generate(), name=f"run {self.id}")
        self._timer = self._loop.call_later(1.0, self._check_time)
        return self._task

    def stop(self, reason: str = "stop") -> None:
        """Ends the run now; what it said is kept. Idempotent.

        The end is appended before the source is closed: a source that is slow to let
        go delays nobody.
        """
        self._break_off(RunStopped(reason))

    async def settled(self, timeout_seconds: float) -> None:
        """Waits until the end of a run that has ended is stored, or for so long."""
        if self._storing_end is not None:
            await asyncio.wait([self._storing_end], timeout=timeout_seconds)

    def abandon(self) -> None:
        """Tries no longer to store the end: whoever starts next closes the run."""
        if self._storing_end is not None:
            self._storing_end.cancel()

    def interrupt(self, message: str) -> None:
        """Ends the run as failed for a reason of ours; asking again can help."""
        self._break_off(RunFailed("interrupted", message, retryable=True))

    def lose(self) -> None:
        """The stream was closed: if not by this run, another process has taken it over."""
        self._break_off(RunFailed(Fenced.code, "Another server has taken over."))

    def _break_off(self, end: AnswerEvent) -> None:
        """Ends the run and cancels its task, once: the second time it may be storing the end."""
        if not self.ended:
            self._end(end)
            self._task.cancel()

    async def _generate(self) -> None:
        try:
            await tell(self._source, self._hear)
            self._check_stored()
            self._end(RunFinished(self._reason))
        except _Ended:
            pass
        except asyncio.CancelledError:
            self._end(RunFailed("interrupted", "The answer was interrupted.", retryable=True))
        except ModelError as exc:
            self.error = exc
            self._end(RunFailed(exc.code, str(exc), exc.retryable))
        except LogError as exc:
            self._end(RunFailed(exc.code, "The answer could not be stored.", retryable=True))
        except _OverLimit as exc:
            self._end(RunFailed("limit_exceeded", str(exc)))
        except Exception:
            logger.exception("The source of run %s failed", self.id)
        finally:
            self._end(_UNFINISHED)  # unless it has ended; whatever was raised, no run stays open
            await self._close_source()
            if self._storing_end is not None:
                await self._storing_end

    def _hear(self, said: AnswerEvent | str) -> Hold:
        """What the source says. Raises _Ended to hear no more."""
        if not self.ended:
            for event in self._composer.compose(said):
                self._say(event)
        if self.ended:  # it has said its end, or does not let itself be cancelled
            raise _Ended
        return self._keep_up() if self._events >= self._check_at else None

    def _say(self, event: AnswerEvent) -> None:
        kind = event.type
        if kind in _ENDING:
            self._conclude(event)
            return
        self._check_stored()
        data = encode(event)
        self._count(utf8_size(data))
        self._stored = self._store((Event(kind, data),))
        self._open.see(event)
        if self._own_meter is not None:
            self._own_meter.add(event)
        if self.first_token_seconds is None:
            self.first_token_seconds = self._loop.time() - self._started_at
            self.begun.set_result(None)

    def _conclude(self, event: AnswerEvent) -> None:
        if isinstance(event, Finish):
            self._reason = event.reason
        else:
            self._check_stored()
            self._end(event)

    def _check_stored(self) -> None:
        """Raises what the last append raised: nothing may follow what was not stored."""
        if self._stored is not None and self._stored.done():
            self._stored.result()

    def _count(self, size: int) -> None:
        self._events += 1
        self._bytes += size
        limits = self._limits
        if size > limits.max_event_bytes or self._bytes > limits.max_bytes:
            raise _OverLimit("The answer is over its size limit.")
        if self._events > limits.max_events:
            raise _OverLimit("The answer has too many events.")

    def _keep_up(self) -> Hold:
        """What to wait for, so that the log comes within two checkpoints of what was said."""
        self._check_at = self._events + CHECK_EVERY
        before, self._checkpoint = self._checkpoint, self._stored
        return before if before is not None and not before.done() else None

    def _check_time(self) -> None:
        """Once a second, so that to hear an event costs no look at the clock."""
        now = self._loop.time()
        if self._events > self._heard_events:
            self._heard_events, self._spoke_at = self._events, now
        if now - self._started_at > self._limits.max_seconds:
            self._fail_limit("The answer took too long.")
        elif now - self._spoke_at > self._limits.max_silence_seconds:
            self._fail_limit("The answer stalled.")
        else:
            self._timer = self._loop.call_later(1.0, self._check_time)

    def _fail_limit(self, message: str) -> None:
        self._break_off(RunFailed("limit_exceeded", message, retryable=True))

    def _end(self, end: AnswerEvent) -> None:
        """Appends what is missing, the end, and the close. Only the first call counts."""
        if self.ended:
            return
        self.ended = True
        self._timer.cancel()
        end = _writable(end)
        if isinstance(end, RunFailed) and not self._events:
            self.refused = end
        if not self.begun.done():
            self.begun.set_result(None)
        last: list[AnswerEvent] = self._open.closing()
        if self._meter is not None and not self._meter.is_reported:
            last.append(self._meter.usage())
        events = [Event(event.type, encode(event)) for event in (*last, end)]
        self._storing_end = self._loop.create_task(self._store_end(self._store(events, close=True)))

    async def _store_end(self, attempt: asyncio.Future[int]) -> None:
        """Sees to it that the end is stored, as long as this process owns the stream.

        If storage fails, what was said last is lost, and an end that says otherwise
        would be a lie: from then on the end is a failure.
        """
        failed = RunFailed("log_unavailable", "The answer could not be stored.", retryable=True)
        while True:
            try:
                await attempt
                return
            except LogUnavailable as exc:
                logger.error("The end of run %s cannot be stored yet: %s", self.id, exc)
            except LogError:  # another has taken it over, or the stream is no more
                return
            await asyncio.sleep(self._limits.store_retry_seconds)
            attempt = self._store([Event(failed.type, encode(failed))], close=True)

    async def _close_source(self) -> None:
        source = self._source
        is_told = isinstance(source, Answer)  # that has ended with its telling
        if isinstance(source, AsyncGenerator) and not is_told:
            try:
                async with asyncio.timeout(CLOSE_SOURCE_SECONDS):
                    await source.aclose()
            except Exception:
                logger.exception("The source of run %s did not close", self.id)


def _writable(end: AnswerEvent) -> AnswerEvent:
    """``end``, unless a text in it has no UTF-8: that must not keep a run from ending."""
    try:
        encode(end)
    except UnicodeEncodeError:
        return _UNFINISHED
    return end
