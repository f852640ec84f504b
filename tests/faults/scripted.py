"""What the scripted model says: answers with everything that is hard to carry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.faults.fake_upstream import DONE, FINISH, USAGE, Behaviour, Exchange, chunk

WORDS = (
    "tide", " water", "潮水", "漲", "🌊", "👩‍👩‍👧", "🇫🇷", "é", "e\u0301", "\n", "\r\n", "\n\n",
    "\r", "```py\n", "data: ", "\nid: 7\n", "event: x", ": ", "{\"d\":", "\u2028",
    "\u0000", "\ufeff",
)  # fmt: skip

CONFIG = """
[log]
keep_seconds = 3600
[models.scripted]
api = "openai"
base_url = "{url}"
api_key = "sk-very-secret"
"""


def answer(dice: random.Random, pieces: int) -> list[str]:
    """An answer in so many pieces as a model would send them."""
    return ["".join(dice.choices(WORDS, k=dice.randint(1, 3))) for _ in range(pieces)]


def question(exchange: Exchange) -> str:
    text: str = exchange.body["messages"][-1]["content"]
    return text


async def say(
    exchange: Exchange, pieces: list[str], *, pause_seconds: float | Callable[[], float] = 0.0
) -> None:
    """A whole answer, with a pause before each piece."""
    await exchange.start()
    for piece in pieces:
        pause = pause_seconds() if callable(pause_seconds) else pause_seconds
        await asyncio.sleep(pause)
        await exchange.send(chunk({"content": piece}))
    for last in (FINISH, USAGE, DONE):
        await exchange.send(last)
    await exchange.end()


def say_then_hang(*pieces: str) -> Behaviour:
    """Begins an answer and never ends it."""

    async def behave(exchange: Exchange) -> None:
        await exchange.start()
        for piece in pieces:
            await exchange.send(chunk({"content": piece}))
        await exchange.hang()

    return behave
