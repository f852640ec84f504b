"""The hub: heartbeats, sending away, and telling a viewer that continuity is broken."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.unit.live.scripted import ScriptedLog, ScriptedSink, turns
from tests.unit.runs.jumping_time import in_no_time
from tidewire.answers.events import ReasoningDelta, RunFinished, TextDelta, encode
from tidewire.dialects import find_dialect
from tidewire.errors import BadRequest, LogUnavailable
from tidewire.live.hub import Hub
from tidewire.live.sinks import chunk
from tidewire.live.start import Start, Starts, find_start
from tidewire.live.subscription import Subscription
from tidewire.log.base import Batch, Retention, StreamInfo
from tidewire.log.memory import MemoryLog
from tidewire.wire.cursor import Position
from tidewire.wire.event import Event
from tidewire.wire.parser import Parser, ServerSentEvent

ONE, TWO, THREE = (Event("word", f'"{word}"') for word in ("one", "two", "three"))
HELLO, LAST = (Event(e.type, encode(e)) for e in (TextDelta("t1", "Hello"), RunFinished()))
NATIVE = find_dialect("native")
TYPEWRITER = find_dialect("typewriter")
STREAM = StreamInfo("s", "epoch1", first=3, head=7, closed=False, fence=1)


def _hub(log: ScriptedLog | MemoryLog) -> Hub:
    return Hub(log, now=lambda: asyncio.get_running_loop().time())


@asynccontextmanager
async def reading(
    hub: Hub,
    stream: StreamInfo,
    sink: ScriptedSink,
    start: Start | None = None,
    *,
    dialect: str = "native",
) -> AsyncGenerator[asyncio.Task[None], None]:
    async def read() -> None:
        subscription = Subscription(
            hub, Starts([(stream, start or Start())]), find_dialect(dialect), sink
        )
        async with subscription:
            await subscription.run()

    task = asyncio.create_task(read())
    await turns()
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _events(sink: ScriptedSink) -> list[ServerSentEvent]:
    return Parser().feed(b"".join(sink.writes))


def _resets(sink: ScriptedSink) -> list[dict[str, object]]:
    return [json.loads(event.data) for event in _events(sink) if event.event == "stream.reset"]


async def test_who_has_left_is_freed_at_once() -> None:
    """No cycle keeps a viewer, and its connection, until the garbage collector looks."""
    log = ScriptedLog()
    log.commit([ONE])
    sink = ScriptedSink()
    freed = weakref.ref(sink)
    gc.disable()
    try:
        async with Subscription(_hub(log), Starts([(log.stream, Start())]), NATIVE, sink) as viewer:
            await viewer.catch_up()
        del viewer, sink
        assert freed() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(("stream", "heard"), [("s", ["begin", "end"]), ("another", [])])
async def test_a_visit_begins_and_ends_with_the_reading_of_its_stream(
    stream: str, heard: list[str]
) -> None:
    visit = _Visit(stream)
    log = ScriptedLog()
    starts = Starts([(log.stream, Start())])
    async with Subscription(_hub(log), starts, NATIVE, ScriptedSink(), visit=visit):
        assert visit.heard == heard[:1]
    assert visit.heard == heard


class _Visit:
    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.heard: list[str] = []

    def begin(self) -> None:
        self.heard.append("begin")

    def end(self) -> None:
        self.heard.append("end")


# Heartbeats


@in_no_time
async def test_a_heartbeat_after_15_seconds_of_silence_and_not_before() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    beating = asyncio.create_task(hub.beat())
    live, arriving = ScriptedSink(), ScriptedSink(chunked=True)
    log.commit([ONE])
    async with reading(hub, log.stream, live):
        log.deliver()
        log.commit([TWO])  # stored, and not heard of: whoever comes now is ahead of the hub
        async with reading(hub, log.stream, arriving):
            said = len(live.writes), len(arriving.writes)
            await asyncio.sleep(14.5)
            assert (len(live.writes), len(arriving.writes)) == said
            await asyncio.sleep(1.5)
            assert live.writes[-1] == b":\n"
            assert arriving.writes[-1] == chunk(b":\n")
            log.deliver()
            await asyncio.sleep(14)
            assert live.writes[-1] != b":\n"  # what was said counts as a sign of life
            await asyncio.sleep(47)
            assert live.writes[-3:] == [b":\n"] * 3
    beating.cancel()


@in_no_time
async def test_a_heartbeat_where_a_dialect_says_nothing_of_what_is_said() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    beating = asyncio.create_task(hub.beat())
    thought = ReasoningDelta("r1", "hm")
    all_of_it, text_alone = ScriptedSink(), ScriptedSink()
    async with (
        reading(hub, log.stream, all_of_it),
        reading(hub, log.stream, text_alone, dialect="d"),
    ):
        for _ in range(4):
            log.commit([Event(thought.type, encode(thought))])
            log.deliver()
            await asyncio.sleep(10)
    assert b":\n" not in all_of_it.writes
    assert text_alone.writes[1:] == [b":\n"] * 2
    beating.cancel()


@in_no_time
async def test_one_heartbeat_however_many_streams_are_silent() -> None:
    log = MemoryLog()
    hub = _hub(log)
    sink = ScriptedSink()
    starts = Starts([(await log.create(name), Start()) for name in "abc"])
    async with Subscription(hub, starts, NATIVE, sink) as viewer:
        await viewer.catch_up()
        said = len(sink.writes)
        await asyncio.sleep(16)
        hub.beat_once()
        assert sink.writes[said:] == [b":\n"]


@in_no_time
async def test_who_comes_a_little_later_is_not_left_in_silence_for_longer() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    beating = asyncio.create_task(hub.beat())
    late = ScriptedSink()
    async with reading(hub, log.stream, ScriptedSink()):
        await asyncio.sleep(1.5)
        async with reading(hub, log.stream, late):
            said = len(late.writes)
            await asyncio.sleep(16.5)
            assert late.writes[said:] == [b":\n"]
            await asyncio.sleep(30)
            assert late.writes[said:] == [b":\n"] * 3
    beating.cancel()


@in_no_time
async def test_no_heartbeat_into_a_full_socket() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink()
    async with reading(hub, log.stream, sink):
        sink.pause()
        said = len(sink.writes)
        await asyncio.sleep(60)
        hub.beat_once()
        assert len(sink.writes) == said


# Sending away


@in_no_time
async def test_drain_tells_everybody_when_to_come_back_and_spreads_them() -> None:
    log = ScriptedLog()
    log.commit([ONE])
    hub = _hub(log)
    sinks = [_TimedSink() for _ in range(120)]
    tasks = []
    for sink in sinks:
        subscription = Subscription(hub, Starts([(log.stream, Start())]), NATIVE, sink)
        tasks.append(asyncio.create_task(_run(subscription.__aenter__, subscription.run)))
    await turns()
    sinks[0].pause()
    begun = asyncio.get_running_loop().time()
    await hub.drain(2.0, retry_milliseconds=1000)
    assert 1.0 < asyncio.get_running_loop().time() - begun <= 2.0
    async with asyncio.timeout(1):
        await asyncio.gather(*tasks)
    ended = asyncio.get_running_loop().time()
    gone = [(sink.written_at - ended, _retry_seconds(sink.writes[-1])) for sink in sinks[1:]]
    returns = [round(left + pause, 6) for left, pause in gone]
    assert min(returns) >= 1.0  # nobody while the server is still there, and refuses
    assert max(returns) < 3.0
    assert len({round(seconds, 3) for seconds in returns}) > 60
    assert not sinks[0].writes[-1].startswith(b"retry")  # it takes nothing more


class _TimedSink(ScriptedSink):
    written_at = 0.0

    def write(self, data: bytes) -> None:
        self.written_at = asyncio.get_running_loop().time()
        super().write(data)


def _retry_seconds(farewell: bytes) -> float:
    return int(farewell.removeprefix(b"retry: ").removesuffix(b"\n\n")) / 1000


async def _run(enter: Callable[[], object], run: Callable[[], object]) -> None:
    await enter()  # type: ignore[misc]
    await run()  # type: ignore[misc]


@pytest.mark.parametrize("dialect", ["native", "openai"])
@in_no_time
async def test_nothing_follows_the_farewell(dialect: str) -> None:
    log = ScriptedLog()
    hub, sink = _hub(log), ScriptedSink()
    async with reading(hub, log.stream, sink, dialect=dialect) as task:
        (viewer,) = hub.viewers.values()
        viewer.dismiss(1000)
        said = len(sink.writes)
        log.commit([HELLO, LAST], close=True)
        log.deliver()
        await task
        viewer.dismiss(1000)  # as one does who had listed the viewers before
        assert len(sink.writes) == said


@in_no_time
async def test_nothing_is_written_to_a_viewer_whose_head_was_not_sent() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink()
    async with Subscription(hub, Starts([(log.stream, Start())]), NATIVE, sink) as subscription:
        log.commit([ONE])
        log.deliver()
        hub.beat_once()
        await hub.drain(0.0)
        assert sink.writes == []
        await subscription.run()
        assert sink.writes == [b": tidewire\n"]


# In the middle of an event


@in_no_time
async def test_who_has_half_of_the_next_event_gets_the_other_half() -> None:
    """It is stored and was sent by another process; here the hub has not heard of it."""
    log = ScriptedLog()
    hub = _hub(log)
    sink = ScriptedSink()
    async with reading(hub, log.stream, ScriptedSink()):
        log.commit([ONE])
        log.deliver()
        log.commit([Event(TextDelta.type, encode(TextDelta("t1", "High water")))])
        async with reading(hub, log.stream, sink, Start(1, within=5)):
            log.deliver()
            log.commit([Event(TextDelta.type, encode(TextDelta("t1", " at six")))])
            log.deliver()
            deltas = [json.loads(event.data)["delta"] for event in _events(sink)]
            assert deltas == ["water", " at six"]


@in_no_time
async def test_who_pauses_keeps_its_place_in_a_stateful_dialect() -> None:
    log = ScriptedLog()
    hub = _hub(log)
    sinks = [ScriptedSink(), ScriptedSink()]
    tasks = [
        asyncio.create_task(
            _read(Subscription(hub, Starts([(log.stream, Start())]), TYPEWRITER, sink))
        )
        for sink in sinks
    ]
    await turns()
    for number, text in enumerate(("Hi", "gh ", "water ", "at six")):
        log.commit([Event(TextDelta.type, encode(TextDelta("t1", text)))])
        for sink in sinks:
            sink.pause() if number == 2 else sink.resume()
        log.deliver()
        await turns()
    for sink, task in zip(sinks, tasks, strict=True):
        typed = [json.loads(event.data) for event in _events(sink)]
        assert "".join(char["char"] for char in typed) == "High water at six"
        assert [char["index"] for char in typed] == list(range(17))
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(subscription: Subscription) -> None:
    async with subscription:
        await subscription.run()


# Broken continuity


@pytest.mark.parametrize(
    ("cursor", "start"),
    [
        ("epoch1-5", Start(5, resumed=True, heard_last=True)),
        ("epoch1-5~2", Start(5, within=2, resumed=True, heard_last=True)),
        ("other-9.epoch1-6", Start(6, resumed=True)),
        ("epoch1-7", Start(7, resumed=True, heard_last=True)),
        (None, Start(2)),
        ("", Start(2)),
        ("-1", Start(2)),
        ("not a cursor", Start(7, reset="malformed")),
        ("other1-3", Start(7, reset="unknown")),
        ("epoch1-8", Start(7, reset="ahead")),
        ("epoch1-7~1", Start(7, reset="ahead")),
    ],
)
def test_where_a_cursor_begins(cursor: str | None, start: Start) -> None:
    assert find_start(STREAM, cursor=cursor) == start


@pytest.mark.parametrize(
    ("since", "offset"), [("start", 2), ("now", 7), ("0", 7), ("2", 5), ("99", 2)]
)
def test_where_one_without_cursor_begins(since: str, offset: int) -> None:
    assert find_start(STREAM, since=since) == Start(offset)


@pytest.mark.parametrize("since", ["then", "-1", "1.5", "１", "1" * 10])
def test_another_beginning_is_a_bad_request(since: str) -> None:
    with pytest.raises(BadRequest):
        find_start(STREAM, since=since)


@pytest.mark.parametrize("reason", ["malformed", "unknown", "ahead"])
@in_no_time
async def test_a_reset_is_told_before_anything_else_and_nothing_is_replayed(reason: str) -> None:
    log = ScriptedLog()
    log.commit([ONE, TWO])
    hub = _hub(log)
    sink = ScriptedSink()
    async with reading(hub, log.stream, sink, Start(2, reset=reason)):
        log.deliver()
        log.commit([THREE])
        log.deliver()
        reset, event = _events(sink)
        assert reset.id == "epoch1-2"
        assert json.loads(reset.data) == {"stream": "s", "reason": reason, "cursor": "epoch1-2"}
        assert (event.data, event.id) == (THREE.data, "epoch1-3")


@in_no_time
async def test_who_comes_back_after_trimming_is_told_how_much_is_lost() -> None:
    log = MemoryLog()
    hub = _hub(log)
    await log.create("s", retention=Retention(max_events=10))
    for number in range(40):
        await log.append("s", [Event(TextDelta.type, encode(TextDelta("t1", f"{number} ")))])
    stream = await log.info("s")
    assert stream.first > 5
    sink = ScriptedSink()
    async with reading(hub, stream, sink, Start(4, within=1)):
        (reset,) = _resets(sink)
        assert (reset["reason"], reset["lost"]) == ("trimmed", stream.first - 5)
        assert reset["cursor"] == str(Position(stream.epoch, stream.first - 1))
        rest = [int(json.loads(event.data)["delta"]) for event in _events(sink)[1:]]
        assert rest == list(range(stream.first - 1, 40))


@in_no_time
async def test_an_encoder_is_shown_no_event_twice_where_those_before_were_trimmed() -> None:
    log = MemoryLog()
    await log.create("s", retention=Retention(max_events=10))
    for _ in range(40):
        await log.append("s", [Event(TextDelta.type, encode(TextDelta("t1", "x")))])
    stream = await log.info("s")
    for start in (stream.first - 1, stream.first + 2):
        sink = ScriptedSink()
        viewer = Subscription(_hub(log), Starts([(stream, Start(start))]), TYPEWRITER, sink)
        async with viewer:
            await viewer.catch_up()
        seen = start - (stream.first - 1)
        indexes = [json.loads(event.data)["index"] for event in _events(sink)]
        assert indexes == list(range(seen, seen + stream.head - start))


@in_no_time
async def test_who_reads_a_stream_that_is_deleted_is_told() -> None:
    log = MemoryLog()
    hub = _hub(log)
    stream = await log.create("s")
    await log.delete("s")
    sink = ScriptedSink()
    async with reading(hub, stream, sink) as task:
        assert [reset["reason"] for reset in _resets(sink)] == ["gone"]
        assert task.done()


@in_no_time
async def test_a_stream_made_anew_does_not_continue_the_old_one() -> None:
    log = MemoryLog()
    hub = _hub(log)
    old = await log.create("s")
    sink, again = ScriptedSink(), ScriptedSink()
    async with reading(hub, old, sink) as task:
        await log.delete("s")
        new = await log.create("s")
        async with reading(hub, new, again):
            await log.append("s", [ONE])
            await turns()
            (reset,) = _events(sink)
            assert task.done() and json.loads(reset.data)["reason"] == "gone"
            assert [event.data for event in _events(again)] == [ONE.data]
    assert not hub.viewers


# A log that cannot be read


class UnreadableLog(ScriptedLog):
    is_away = True

    async def read(
        self, name: str, after: int = 0, *, limit: int = 512, epoch: str | None = None
    ) -> Batch:
        if self.is_away:
            raise LogUnavailable("away")
        return await super().read(name, after, limit=limit)


@in_no_time
async def test_while_the_log_cannot_be_read_viewers_are_held() -> None:
    log = UnreadableLog()
    log.commit([ONE])
    hub = _hub(log)
    sink = ScriptedSink()
    async with reading(hub, log.stream, sink):
        await asyncio.sleep(3)
        assert set(sink.writes[1:]) == {b":\n"}
        log.is_away = False
        await asyncio.sleep(1)
        assert [event.data for event in _events(sink)] == [ONE.data]


# One bad stream


@in_no_time
async def test_what_breaks_in_one_stream_stays_there(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog()
    hub = _hub(log)
    bad, good = await log.create("bad"), await log.create("good")
    broken, whole = ScriptedSink(), ScriptedSink()
    async with reading(hub, bad, broken), reading(hub, good, whole):
        await log.append("bad", [ONE])
        log.append("bad", [Event("a\nb", "{}")])  # no SSE event can have such a name
        await log.append("good", [ONE])
        await turns()
        assert [event.data for event in _events(whole)] == [ONE.data]
        assert "bad" in caplog.text
        await log.append("bad", [TWO])
        await turns()
        # What follows the bad one would hide that there was one.
        assert [event.data for event in _events(broken)] == [ONE.data]
    assert not hub.viewers
