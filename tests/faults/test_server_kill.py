"""kill -9 in the middle of 100 answers: what was sent stays, and every run is closed."""

from __future__ import annotations

import asyncio
import json
import random

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import Exchange, FakeUpstream
from tests.faults.scripted import CONFIG, answer, question, say
from tests.faults.server_process import ServerProcess
from tests.faults.viewer import Viewer

ANSWERS = 100
PIECES = 200


async def test_kill_in_the_middle_of_100_answers(serve: Serve) -> None:
    dice = random.Random(9)
    answers = {f"question {number}": answer(dice, PIECES) for number in range(ANSWERS)}

    async def behave(exchange: Exchange) -> None:
        await say(exchange, answers[question(exchange)], pause_seconds=0.03)

    async with FakeUpstream(behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url))
        viewers = [Viewer(server.port, message, key=message) for message in answers]
        await asyncio.gather(*(viewer.follow(cut_after_bytes=3000) for viewer in viewers))
        attached, detached = viewers[::2], viewers[1::2]
        reading = asyncio.gather(*(viewer.follow() for viewer in attached))
        await asyncio.sleep(0.5)  # let them be in the middle
        assert not reading.done()
        await server.kill()
        await reading
        before = {viewer: (viewer.text, viewer.last_event_id) for viewer in viewers}
        assert all(text and not viewer.ends for viewer, (text, _) in before.items())

        await server.start()
        closed_at_once = [await server.run_info(viewer.run) for viewer in viewers]
        assert all(info["closed"] for info in closed_at_once)
        await asyncio.gather(*(viewer.follow() for viewer in viewers))

    for viewer, pieces, info in zip(viewers, answers.values(), closed_at_once, strict=True):
        assert viewer.text.startswith(before[viewer][0])
        assert "".join(pieces).startswith(viewer.text)
        assert viewer.ends == ["run.failed"]
        failed = json.loads(viewer.events[-1].data)
        assert (failed["code"], failed["retryable"]) == ("interrupted", True)
        assert len(viewer.events) == info["head"]  # from 1 on without a hole: offsets continue
    assert all(len(viewer.text) >= len(before[viewer][0]) for viewer in detached)
    await _all_read_the_same(server, viewers[:10])
    events = sum(len(viewer.events) for viewer in viewers)
    print(f"{events} events of {ANSWERS} answers, {ANSWERS} closed as interrupted")


async def _all_read_the_same(server: ServerProcess, viewers: list[Viewer]) -> None:
    """Who comes only now reads what the others saw in two parts."""
    for viewer in viewers:
        late = Viewer(server.port, "", key="")
        late.location = viewer.location
        await late.follow()
        assert late.events == viewer.events
