"""SIGTERM: answers get their time, viewers a proper end, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import random
import time

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import Exchange, FakeUpstream
from tests.faults.scripted import CONFIG, answer, question, say, say_then_hang
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Connection, Viewer

CONFIG += "[runs]\ndrain_seconds = {drain_seconds}\n"
ANSWERS = 20
VIEWERS = 150


async def test_answers_that_end_in_time_arrive_whole(serve: Serve) -> None:
    dice = random.Random(15)
    answers = {f"question {number}": answer(dice, 60) for number in range(ANSWERS)}

    async def behave(exchange: Exchange) -> None:
        await say(exchange, answers[question(exchange)], pause_seconds=0.02)

    async with FakeUpstream(behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url, drain_seconds=10))
        viewers = [Viewer(server.port, message, key=message) for message in answers]
        reading = asyncio.gather(*(viewer.follow() for viewer in viewers))
        await asyncio.gather(*(viewer.located.wait() for viewer in viewers))
        server.terminate()
        await _refuses_new_streams(server, viewers[0])
        assert not reading.done()
        connections = await reading
        async with asyncio.timeout(30):
            assert await server.wait() == 0

    for viewer, connection, pieces in zip(viewers, connections, answers.values(), strict=True):
        assert viewer.text == "".join(pieces)
        assert viewer.ends == ["run.finished"]
        assert connection.is_complete
    assert "Traceback" not in server.log


async def _refuses_new_streams(server: ServerProcess, viewer: Viewer) -> None:
    """Not ready, and says so to whoever comes now."""
    await _is_draining(server)
    assert (await server.get("/healthz")).status_code == 200
    for response in (
        await server.post("/api/chat", json={"message": "one more"}),
        await server.get(viewer.location or ""),
    ):
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "shutting_down"
        assert int(response.headers["retry-after"]) > 0


async def _is_draining(server: ServerProcess) -> None:
    ready = await server.get("/readyz")
    while ready.status_code == 200:  # the signal is on its way
        ready = await server.get("/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (503, "draining")


async def test_answers_that_do_not_end_are_interrupted_and_nothing_is_lost(serve: Serve) -> None:
    async with FakeUpstream(say_then_hang("High ", "water ", "at …")) as upstream:
        server = await serve(CONFIG.format(url=upstream.url, drain_seconds=0.5))
        viewers = [Viewer(server.port, "When?", key=str(number)) for number in range(ANSWERS)]
        left, stayed = viewers[::2], viewers[1::2]
        await asyncio.gather(*(viewer.follow(cut_after_bytes=600) for viewer in left))
        reading = asyncio.gather(*(viewer.follow() for viewer in stayed))
        await asyncio.gather(*(viewer.located.wait() for viewer in stayed))
        begun = time.monotonic()
        server.terminate()
        connections = await reading
        async with asyncio.timeout(30):
            assert await server.wait() == 0
        assert time.monotonic() - begun > 0.5
        assert all(connection.is_complete for connection in connections)
        async with asyncio.timeout(30):
            await asyncio.gather(*(exchange.gone.wait() for exchange in upstream.exchanges))

        await server.start()
        await asyncio.gather(*(viewer.follow() for viewer in left))

    for viewer in viewers:
        assert viewer.text == "High water at …"
        assert viewer.ends == ["run.failed"]
        failed = json.loads(viewer.events[-1].data)
        assert (failed["code"], failed["retryable"]) == ("interrupted", True)
    assert "Traceback" not in server.log


async def test_a_run_that_had_said_nothing_is_refused(serve: Serve) -> None:
    """Its head was held back, so there is still a status to say it with."""
    async with FakeUpstream(lambda exchange: exchange.hang()) as upstream:
        server = await serve(CONFIG.format(url=upstream.url, drain_seconds=0.2))
        body = {"message": "When?"}
        connection = await Connection.open(server.port, "POST", "/api/chat", body=body)
        await upstream.asked.wait()
        server.terminate()
        assert await connection.rest() == []
        assert connection.status == 503
        assert json.loads(connection.body)["error"]["code"] == "interrupted"
        assert int(connection.headers["retry-after"]) > 0
        connection.cut()
        assert await server.wait() == 0


async def test_a_second_signal_ends_it_at_once(serve: Serve) -> None:
    async with FakeUpstream(say_then_hang("High ")) as upstream:
        server = await serve(CONFIG.format(url=upstream.url, drain_seconds=60))
        viewer = Viewer(server.port, "When?", key="one")
        reading = asyncio.create_task(viewer.follow())
        await viewer.located.wait()
        server.terminate()
        await _is_draining(server)  # two signals that come at once are one
        server.terminate()
        async with asyncio.timeout(30):
            await server.wait()
            await reading
        await server.start()
        assert (await server.run_info(viewer.run))["closed"]


async def test_viewers_are_sent_away_one_by_one_and_told_when_to_come_back(serve: Serve) -> None:
    server = await serve("[runs]\ndrain_seconds = 0.5\n")
    target = "/api/channels/news"
    viewers = [await Connection.open(server.port, "GET", target) for _ in range(VIEWERS)]
    for viewer in viewers:
        while not await viewer.read():
            pass
    server.terminate()
    await asyncio.gather(*(viewer.rest() for viewer in viewers))
    assert await server.wait() == 0
    assert all(viewer.is_complete for viewer in viewers)
    milliseconds = [viewer.parser.retry_milliseconds or 0 for viewer in viewers]
    assert min(milliseconds) >= 1000
    assert max(milliseconds) > 2000  # those who left first wait until the last have left
    assert len(set(milliseconds)) > VIEWERS / 2  # and they do not return together
    for viewer in viewers:
        viewer.cut()
