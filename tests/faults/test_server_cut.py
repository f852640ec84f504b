"""Viewers whose connections are cut at random bytes get every answer whole."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.faults.conftest import Serve
from tests.faults.fake_upstream import Exchange, FakeUpstream
from tests.faults.scripted import CONFIG, answer, question, say
from tests.faults.viewer import Viewer

ANSWERS = 200
PIECES = 40
MOST_CUTS = 10
AT_A_TIME = 50
DIALECTS = ("native", "d", "chunk", "delta", "typewriter")


@pytest.mark.parametrize("plain", [False, True], ids=["direct", "asgi"])
async def test_200_answers_cut_at_random_bytes_arrive_whole(serve: Serve, plain: bool) -> None:
    dice = random.Random(20)
    answers = {f"question {number}": answer(dice, PIECES) for number in range(ANSWERS)}

    async def behave(exchange: Exchange) -> None:
        pieces = answers[question(exchange)]
        await say(exchange, pieces, pause_seconds=lambda: dice.choice((0.0, 0.0, 0.01)))

    async with FakeUpstream(behave) as upstream:
        server = await serve(CONFIG.format(url=upstream.url), plain=plain)
        viewers = [Viewer(server.port, message, key=f"key {message}") for message in answers]
        turns = asyncio.Semaphore(AT_A_TIME)
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(_read(viewer, dice, turns)) for viewer in viewers]

    cuts = sum(task.result() for task in reading)
    for viewer, pieces in zip(viewers, answers.values(), strict=True):
        assert viewer.text == "".join(pieces)
        assert len(viewer.ends) == 1, viewer.ends
    assert len(upstream.exchanges) == ANSWERS  # however often it was asked
    assert "ERROR" not in server.log
    early = sum(viewer.starts - 1 for viewer in viewers)
    assert cuts > 5 * ANSWERS
    assert early > 20
    print(f"{cuts} cuts, {early} of them before the head, {ANSWERS} answers whole")


async def _read(viewer: Viewer, dice: random.Random, turns: asyncio.Semaphore) -> int:
    """Reads one answer, cut up to ten times, in one dialect or in many."""
    dialects = DIALECTS if dice.random() < 0.5 else (dice.choice(DIALECTS),)
    cuts = 0
    async with turns:
        for _ in range(MOST_CUTS):
            at = dice.randrange(1, 200) if dice.random() < 0.3 else dice.randrange(300, 1500)
            reset = dice.random() < 0.5
            await viewer.follow(dice.choice(dialects), cut_after_bytes=at, reset=reset)
            if viewer.is_over:
                return cuts
            cuts += 1
        await viewer.follow(dice.choice(dialects))
    assert viewer.is_over
    return cuts
