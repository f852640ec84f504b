"""What retention does to the file, and what it need not ask it."""

from __future__ import annotations

import asyncio

from tests.contract.logs import events
from tidewire.errors import LogUnavailable
from tidewire.log.base import Retention
from tidewire.log.sqlite import SqliteLog
from tidewire.log.sqlite_store import Store


async def test_what_is_trimmed_makes_room(log: SqliteLog) -> None:
    await log.create("s", retention=Retention(max_events=10))
    for number in range(12):
        await log.append("s", events("x"), key=str(number))
    for table in ("events", "keys"):
        query = f'SELECT count(*), min("offset") FROM {table}'
        assert await log._readers.run(lambda db, query=query: db.execute(query).fetchone()) == (
            10,
            3,
        )


async def test_bytes_that_were_rolled_back_are_not_counted_on(log: SqliteLog) -> None:
    await log.create("s", retention=Retention(max_bytes=1000))
    await log.append("s", events("x" * 600, "x" * 500))
    lost = [log.append("s", events("one more"))]  # so the first must go, and 600 bytes with it
    none = log._submit(lambda store: None)
    lost.append(log.append("s", events("and one")))
    failed = log._submit(_fail)
    await asyncio.gather(*lost, none, failed, return_exceptions=True)
    assert all(isinstance(each.exception(), LogUnavailable) for each in lost)
    await log.append("s", events("x" * 400))
    assert (await log.info("s")).first == 2


def _fail(store: Store) -> None:
    raise ZeroDivisionError


async def test_an_append_looks_for_nothing_old(log: SqliteLog) -> None:
    asked: list[str] = []
    await log.create("s", retention=Retention(max_age_seconds=60))
    assert log._writing is not None
    log._writing.set_trace_callback(asked.append)
    await log.append("s", events("x"))
    assert asked and not [query for query in asked if " at >= " in query]
