"""Hearing of SIGTERM under any server, beside the server's own handler.

An ASGI server that was told to stop waits for open responses, and streams have no end
of their own; the lifespan hears of it only afterwards. So the signal itself is heard,
and then handed on to whoever handled it before.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["hearing_exit_signals"]


@contextmanager
def hearing_exit_signals(callback: Callable[[], object]) -> Generator[None, None, None]:
    """Calls ``callback`` on the running loop at SIGTERM or SIGINT.

    Only where somebody handles them already (a server does) and in the main thread;
    elsewhere nothing happens.
    """
    loop = asyncio.get_running_loop()
    former: dict[signal.Signals, Callable[[int, FrameType | None], object]] = {}

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        former[signal.Signals(number)](number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if callable(handler) and handler is not signal.default_int_handler:
                former[number] = handler
                signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in former.items():
            if signal.getsignal(number) is hear:
                signal.signal(number, handler)
