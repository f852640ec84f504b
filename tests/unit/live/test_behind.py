"""Who is behind: reads on in the log, is kept little for, and joins without a gap."""

from __future__ import annotations

import weakref

import pytest

from tests.unit.live.held import HeldLog
from tests.unit.live.scripted import ScriptedLog, ScriptedSink, turns
from tests.unit.live.test_hub import LAST, ONE, TWO, _events, _hub, reading
from tests.unit.runs.jumping_time import in_no_time
from tidewire.live.topic import RECENT_BYTES, RECENT_COMMITS
from tidewire.wire.event import Event


@in_no_time
async def test_who_comes_before_a_commit_that_is_not_heard_of_reads_it_in_the_log() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink()
    async with reading(hub, log.stream, sink):
        log.commit([ONE])
        log.miss()
        log.commit([TWO])
        log.deliver()
        await turns()
        assert [event.data for event in _events(sink)] == [ONE.data, TWO.data]


@in_no_time
async def test_who_was_reading_while_more_was_said_need_not_read_again() -> None:
    """In a flood there would always be more: he would never be live."""
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink()
    log.commit([ONE])
    log.holds_reads = True
    async with reading(hub, log.stream, sink):
        log.deliver()
        log.serve()
        log.commit([TWO])
        log.deliver()
        log.release()
        await turns()
        assert not log.reads
        assert [event.data for event in _events(sink)] == [ONE.data, TWO.data]


class _Events(list[Event]):
    """A list that one can see freed."""


@pytest.mark.parametrize(("size", "most"), [(1, RECENT_COMMITS), (RECENT_BYTES // 3, 3)])
@in_no_time
async def test_what_is_kept_for_one_that_is_behind_is_little_and_then_freed(
    size: int, most: int
) -> None:
    log = ScriptedLog()
    hub = _hub(log)
    slow = ScriptedSink()
    kept: list[weakref.ref[_Events]] = []
    async with reading(hub, log.stream, slow):
        slow.pause()
        for _ in range(most + 5):
            events = _Events([Event("word", "x" * size)])
            kept.append(weakref.ref(events))
            log.commit(events)
            log.deliver()
        del events
        assert 0 < sum(ref() is not None for ref in kept) <= most
        slow.resume()
        await turns(2 * most)
        log.commit([LAST])
        log.deliver()
        assert not any(ref() for ref in kept)
        assert _events(slow)[-1].data == LAST.data


@in_no_time
async def test_who_is_reading_when_the_stream_is_deleted_is_told() -> None:
    log = HeldLog()
    hub = _hub(log)
    stream = await log.create("s")
    await log.append("s", [ONE])
    sink = ScriptedSink()
    async with reading(hub, stream, sink) as task:
        log.step()
        await turns()
        await log.delete("s")  # it was read, and is not given yet
        log.holds_reads = False
        log.step()
        await turns()
        assert [event.event for event in _events(sink)] == ["word", "stream.reset"]
        assert task.done()


@in_no_time
async def test_who_is_full_when_it_has_read_all_joins_when_it_takes_bytes_again() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink(room=20)
    log.commit([ONE])
    async with reading(hub, log.stream, sink):
        log.deliver()
        assert sink.is_paused
        log.commit([TWO])
        log.deliver()
        assert len(_events(sink)) == 1
        sink.resume()
        await turns()
        assert [event.data for event in _events(sink)] == [ONE.data, TWO.data]
