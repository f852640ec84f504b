"""Channels: streams without an end, made on first use, kept as their rule says.

A channel named ``news`` is the log's stream ``channel/news``: a name that no run and no
session can have. Owns names, retention and the limits of publishing; delivery is the
hub's, as for every stream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from tidewire.errors import BadRequest, RateLimited, RequestTooLarge, StreamGone, StreamNotFound
from tidewire.live.hub import Hub
from tidewire.live.rates import Rates
from tidewire.log.base import CHANNEL, Catalogue, Log, Retention, StreamInfo
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event, utf8_size
from tidewire.wire.writer import check_field

__all__ = ["MAX_BATCH", "ChannelRule", "Channels", "channel_stream"]

MAX_BATCH = 1000
MAX_TYPE_LENGTH = 128
MAX_KNOWN = 10_000
_NAME = re.compile(r"\w[\w.:@~+-]{0,199}")


class ChannelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for channels whose name matches ``pattern`` (``*`` and ``?``).

    The first rule that matches counts. Retention is as in log/base.py; ``max_event_bytes``
    limits one event's data, ``max_publishes_per_second`` the calls, over all publishers,
    of whom the server itself is none.
    """

    pattern: str = "*"
    max_events: int | None = 10_000
    max_bytes: int | None = 64 * 1024 * 1024
    max_age_seconds: float | None = 7 * 86400.0
    max_event_bytes: int = 256 * 1024
    max_publishes_per_second: int = 1000

    @property
    def retention(self) -> Retention:
        return Retention(self.max_events, self.max_bytes, self.max_age_seconds)


class Channels:
    """All channels of a log."""

    def __init__(self, log: Log, hub: Hub, rules: Sequence[ChannelRule] = ()) -> None:
        self._log = log
        self._hub = hub
        self._rules = (*rules, ChannelRule())
        self._rule = lru_cache(MAX_KNOWN)(self._find_rule)
        self._epochs: dict[str, str] = {}
        self._rates = Rates()

    async def publish(
        self,
        name: str,
        events: Sequence[Event],
        *,
        key: str | None = None,
        is_own: bool = False,
    ) -> str:
        """Appends events to a channel, all or none; gives the cursor of the last one.

        ``key`` makes it idempotent: the same key in the same channel stores nothing and
        gives the cursor of the first time. ``is_own``: the server says it, who came or what
        was read; that is no publisher's call. Raises BadRequest, RequestTooLarge,
        RateLimited, LogUnavailable.
        """
        stream, rule = channel_stream(name), self._rule(name)
        _check(events, rule)
        if not is_own and not self._rates.allows(name, rule.max_publishes_per_second):
            raise RateLimited(f"The channel '{name}' is published to too often.")
        while True:
            epoch = self._epochs.get(name) or (await self._make(name)).epoch
            try:
                offset = await self._log.append(stream, events, key=key, epoch=epoch)
            except (StreamNotFound, StreamGone):  # deleted, perhaps by another process
                self._epochs.pop(name, None)
                continue
            return str(Position(epoch, offset))

    async def open(self, name: str) -> StreamInfo:
        """The channel's stream, made if it does not exist.

        One that exists is only read, so it opens while the log cannot be written, too.
        """
        try:
            return await self.info(name)
        except (StreamNotFound, StreamGone):
            return await self._make(name)

    async def _make(self, name: str) -> StreamInfo:
        """Makes a channel, or has one that exists follow its rule."""
        retention = self._rule(name).retention
        info = await self._log.create(channel_stream(name), retention=retention)
        if len(self._epochs) >= MAX_KNOWN:
            self._epochs.clear()
        self._epochs[name] = info.epoch
        return info

    async def info(self, name: str) -> StreamInfo:
        """A channel that exists. Raises StreamNotFound, StreamGone."""
        return await self._log.info(channel_stream(name))

    async def delete(self, name: str) -> None:
        """Removes a channel and what it holds; its viewers are told. Idempotent."""
        await self._log.delete(channel_stream(name))

    async def list(self, prefix: str, *, after: str = "", limit: int = 100) -> list[StreamInfo]:
        """Channels whose names begin with ``prefix``, by name, from behind ``after``."""
        if not isinstance(self._log, Catalogue):
            raise BadRequest("The log of this server cannot list channels.")
        return await self._log.streams(CHANNEL + prefix, after=CHANNEL + after, limit=limit)

    def audience(self, name: str) -> int:
        return self._hub.audience(channel_stream(name))

    def _find_rule(self, name: str) -> ChannelRule:
        return next(rule for rule in self._rules if fnmatchcase(name, rule.pattern))


def channel_stream(name: str) -> str:
    """The stream of a channel. Raises BadRequest for a name that cannot be one."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            "A channel's name is 1 to 200 letters, digits or . : @ ~ + - _, "
            "and begins with a letter, digit or _."
        )
    return CHANNEL + name


def _check(events: Sequence[Event], rule: ChannelRule) -> None:
    if not 0 < len(events) <= MAX_BATCH:
        raise BadRequest(f"A publish has 1 to {MAX_BATCH} events.")
    for event in events:
        if not 0 < len(event.type) <= MAX_TYPE_LENGTH:
            raise BadRequest(f"An event type has 1 to {MAX_TYPE_LENGTH} characters.")
        if event.type.startswith("stream."):
            raise BadRequest("Event types that begin with 'stream.' are the server's own.")
        check_field("event", event.type)
        if utf8_size(event.data) > rule.max_event_bytes:
            raise RequestTooLarge(f"An event's data is at most {rule.max_event_bytes} bytes here.")
