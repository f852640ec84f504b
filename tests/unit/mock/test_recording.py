"""A stream that was recorded comes back byte for byte, at its own pace or another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest

from tidewire.errors import ConfigError, UpstreamUnreachable
from tidewire.mock.app import Mock
from tidewire.mock.recorder import record
from tidewire.mock.recording import Chunk, Ending, Head, Recording, line, load_recording
from tidewire.mock.serve import listening
from tidewire.mock.timeline import Moment
from tidewire.testing import FakeClock, Fault, MockServer, Rule, Scenario, mock_server

CHAT = "/v1/chat/completions"
QUESTION = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"When?"}]}'
SAID = "High water, 漲潮 🌊, at noon."
HEAD = Head(0.5, "POST", "http://model/v1", 200, [("content-type", "text/event-stream")])
CHUNKS = [Chunk(0.5, "data: 1\n\n"), Chunk.of(1.5, b"data: \xe6\xbd"), Chunk.of(4.5, b"\xae\n\n")]
WHOLE = Recording(HEAD, CHUNKS, Ending(5.0, "complete"))


async def save(mock: MockServer, out: Path, *, target: str = CHAT, data: bytes = QUESTION) -> None:
    await record(
        mock.base_url + target,
        out,
        method="POST",
        data=data,
        headers={"Authorization": "Bearer sk-very-secret"},
    )


@asynccontextmanager
async def replaying(
    recording: Recording, speed: float = 0.0, clock: FakeClock | None = None
) -> AsyncIterator[str]:
    time = clock or FakeClock()
    mock = Mock(recording=recording, speed=speed, sleep=time.sleep, clock=time)
    async with listening(mock) as url:
        yield url


async def pieces(url: str) -> list[bytes]:
    """The chunks of the HTTP body, as they were written."""
    found = [b""]
    async with aiohttp.ClientSession() as session, session.post(url, data=b"x") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        async for data, is_end in response.content.iter_chunks():
            found[-1] += data
            if is_end:
                found.append(b"")
    return found[:-1]


@pytest.mark.parametrize("fault", [Fault(), Fault(split=True)], ids=["whole", "split"])
async def test_what_was_recorded_comes_back(tmp_path: Path, fault: Fault) -> None:
    out = tmp_path / "out.jsonl"
    target = "/v1beta/models/m:streamGenerateContent?alt=sse"  # its answers bear no date
    question = b'{"contents":[{"parts":[{"text":"When?"}]}]}'
    async with mock_server(Scenario([Rule(say=SAID, fault=fault)])) as mock:
        await save(mock, out, target=target, data=question)
        mock.play(Scenario([Rule(say=SAID, fault=fault)]))
        async with httpx.AsyncClient() as client:
            answer = await client.post(mock.base_url + target, content=question)
    recording = load_recording(out)
    async with replaying(recording) as url:
        replayed = await pieces(f"{url}/anything/else")
    assert b"".join(replayed) == answer.content
    assert replayed == [chunk.data for chunk in recording.chunks]


async def test_replay_keeps_the_cuts(tmp_path: Path) -> None:
    async with replaying(WHOLE) as url:
        assert await pieces(url) == [b"data: 1\n\n", b"data: \xe6\xbd", b"\xae\n\n"]


@pytest.mark.parametrize(
    ("speed", "pauses"), [(1.0, [0.5, 1.0, 3.0]), (4.0, [0.125, 0.25, 0.75]), (0.0, [])]
)
async def test_replay_at_a_speed(speed: float, pauses: list[float]) -> None:
    clock = FakeClock(100.0)
    async with replaying(WHOLE, speed, clock) as url:
        await pieces(url)
    assert [pause for pause in clock.slept if pause] == pauses


async def test_time_is_recorded_with_the_chunks(tmp_path: Path) -> None:
    ticks = iter(range(1000))

    async def answer() -> None:
        await record(url, tmp_path / "out", clock=lambda: float(next(ticks)))

    async with replaying(WHOLE) as url:
        await answer()
    recording = load_recording(tmp_path / "out")
    assert recording.head.at == 1.0
    times = [chunk.at for chunk in recording.chunks]
    assert times == [float(n) for n in range(2, 2 + len(times))]
    assert recording.ending == Ending(2.0 + len(times), "complete")


async def test_nothing_secret_is_kept(tmp_path: Path) -> None:
    async with mock_server() as mock:
        await save(mock, tmp_path / "out", target=f"{CHAT}?key=sk-very-secret")
        assert "sk-very-secret" in mock.requests[0].headers["authorization"]
    text = (tmp_path / "out").read_text()
    assert "secret" not in text
    head = load_recording(tmp_path / "out").head
    assert head.url == mock.base_url + CHAT
    assert (head.method, head.status) == ("POST", 200)


async def test_a_head_comes_back_byte_for_byte(tmp_path: Path) -> None:
    said = [("x-place", "é潮".encode().decode("latin-1")), ("x-old", "\xe9")]
    recording = Recording(Head(0.0, "POST", "http://m", 200, said), [], Ending(0.0, "complete"))
    async with replaying(recording) as url:
        await record(f"{url}/x", tmp_path / "out")
    assert load_recording(tmp_path / "out").head.headers == said


async def test_a_refusal_is_recorded_too(tmp_path: Path) -> None:
    fault = Fault(status=429, retry_after=3)
    async with mock_server(Scenario([Rule(fault=fault)])) as mock:
        await save(mock, tmp_path / "out")
    async with replaying(load_recording(tmp_path / "out")) as url, httpx.AsyncClient() as client:
        answer = await client.post(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_a_break_is_recorded_and_comes_back(tmp_path: Path) -> None:
    async with mock_server(Scenario([Rule(say=SAID, fault=Fault(break_after=2))])) as mock:
        await save(mock, tmp_path / "out")
    recording = load_recording(tmp_path / "out")
    assert recording.ending and recording.ending.how == "broken"
    async with replaying(recording) as url:
        with pytest.raises(aiohttp.ClientPayloadError):
            await pieces(url)


async def test_what_came_before_it_was_stopped_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with mock_server(Scenario([Rule(say=SAID, fault=Fault(stall_after=2))])) as mock:
        saving = asyncio.create_task(save(mock, out))
        await until(lambda: out.exists() and b"High" in out.read_bytes())
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
    recording = load_recording(out)
    assert recording.ending and recording.ending.how == "stopped"
    assert b"High" in b"".join(chunk.data for chunk in recording.chunks)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)  # a file tells nobody that it has grown


@pytest.mark.parametrize("cut", [-1, -20])
def test_a_file_that_was_cut_ends_as_a_broken_stream(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "out"
    lines = b"".join(map(line, [HEAD, *CHUNKS, Ending(5.0, "complete")]))
    file.write_bytes(lines[:cut])
    recording = load_recording(file)
    assert recording == Recording(HEAD, CHUNKS, None)
    assert list(recording.timeline(1.0))[-1] == Moment(4.5, None)


def test_an_empty_answer_that_broke() -> None:
    timeline = Recording(HEAD, [], None).timeline(2.0)
    assert list(timeline) == [Moment(0.25, b""), Moment(0.25, None)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        line(HEAD).replace(b"http", b"\xff"),
        b"data: x\n\n",
        line(CHUNKS[0]),
        line(HEAD)[:-9],
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out").write_bytes(content)
    with pytest.raises(ConfigError, match="no recording"):
        load_recording(tmp_path / "out")


async def refuse_file(tmp_path: Path) -> None:
    async with mock_server() as mock:
        await save(mock, tmp_path / "none" / "out")


async def refuse_url(tmp_path: Path) -> None:
    await record("gopher:7", tmp_path / "out")


async def refuse_connection(tmp_path: Path) -> None:
    await record("http://user:pass@127.0.0.1:9/x?key=y", tmp_path / "out")


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (refuse_file, ConfigError, "cannot be written"),
        (refuse_url, ConfigError, "cannot be sent"),
        (refuse_connection, UpstreamUnreachable, "http://127.0.0.1:9/x cannot be reached"),
    ],
)
async def test_what_cannot_be_recorded(
    tmp_path: Path, ask: Callable[[Path], Awaitable[None]], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await ask(tmp_path)
    assert list(tmp_path.iterdir()) == []
