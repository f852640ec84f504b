"""An event loop in which waiting takes no time: when nothing can run, its clock jumps."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """Sleeps and timers come in their order, at once; hours pass in milliseconds."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.now


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:  # nothing will ever happen but what a thread may bring
            return super().select(1.0)
        self._loop.now += timeout
        return super().select(0)


def in_no_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test on a JumpingLoop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))  # type: ignore[arg-type]

    return run
