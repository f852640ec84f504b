"""A process that writes a log, for tests that kill, stop or starve it.

python -m tests.faults.log_process PATH OWNER write SEED   appends until it is killed
python -m tests.faults.log_process PATH OWNER obey         one append per line of stdin

Each acknowledged append is a line on stdout: stream, offset, open or closed.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys

from tidewire.errors import TidewireError
from tidewire.log.sqlite import SqliteLog
from tidewire.wire.event import Event

STREAMS = 40
CLOSING = 5  # of these, each round


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def event(name: str, offset: int) -> Event:
    """What stands at this offset, so that a reader can tell whether it is right."""
    return Event("text.delta", f"{name}/{offset}/" + "ö" * (offset % 50))


async def write(log: SqliteLog, owner: str, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"s{n}" for n in range(STREAMS)] + [f"closing-{seed}-{n}" for n in range(CLOSING)]
    for name in names:
        await log.create(name, owner=owner)
    starts = [(name, await log.seize(name, owner), (await log.info(name)).head) for name in names]
    say("ready", 0, "open")
    await asyncio.gather(*(produce(log, chance, *start) for start in starts))


async def produce(log: SqliteLog, chance: random.Random, name: str, fence: int, head: int) -> None:
    for turn in range(1_000_000):
        events = [event(name, head + n) for n in range(1, chance.randint(2, 6))]
        close = name.startswith("closing") and turn == 3
        head = await log.append(name, events, fence=fence, close=close)
        say(name, head, "closed" if close else "open")
        if close:
            return


async def obey(log: SqliteLog, owner: str) -> None:
    made = await log.create("s", owner=owner)
    say("ready", 0, "open")
    while await asyncio.to_thread(sys.stdin.readline):
        try:
            say("s", await log.append("s", [Event("t", owner)], fence=made.fence), "open")
        except TidewireError as exc:
            say(type(exc).__name__, 0, "open")


async def main(path: str, owner: str, mode: str, *seed: str) -> None:
    log = SqliteLog(path)
    await log.open()
    await log.hold(owner, 3600)
    await (write(log, owner, int(seed[0])) if mode == "write" else obey(log, owner))
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
